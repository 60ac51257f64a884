import { call } from '../service.ts';

const ORDER_SERVICE = { sub: 'example-orders', scope: 'orders:write' };

/** An order as the marketplace keeps it. */
export interface Order {
  readonly id: string;
  readonly clientId: string;
  readonly freelancerId: string;
  readonly title: string;
  readonly price: { readonly amount: number; readonly currency: string };
  readonly status: string;
  readonly deliverBy: string | null;
  /** Counts the changes of the order. The Resolution Center refuses a report that is older than one before. */
  readonly revision: number;
}

export type NewOrder = Omit<Order, 'status' | 'revision'>;

/** The marketplace's orders. They are in memory here; keep yours in your database. */
export interface Orders {
  readonly find: (id: string) => Order | undefined;
  /** Takes an order and reports it. @throws RefusedError */
  readonly add: (order: NewOrder) => Promise<Order>;
  /** Changes what the marketplace decides, and reports it. @throws RefusedError */
  readonly change: (order: Order, change: Partial<Pick<Order, 'status' | 'deliverBy' | 'title'>>) => Promise<Order>;
  /** Takes over what the parties agreed on. It came from the Resolution Center, so nothing is reported. */
  readonly agree: (order: Order, agreed: Partial<Pick<Order, 'status' | 'deliverBy'>>) => void;
}

/** @returns a store of orders that is empty */
export function createOrders(): Orders {
  const orders = new Map<string, Order>();

  async function report(order: Order): Promise<Order> {
    const { id, ...reported } = order;
    await call(ORDER_SERVICE, 'PUT', `/v1/orders/${encodeURIComponent(id)}`, reported);
    orders.set(id, order);
    return order;
  }

  return {
    find: (id) => orders.get(id),
    add: (order) => report({ ...order, status: 'in_progress', revision: 1 }),
    change: (order, change) => report({ ...order, ...change, revision: order.revision + 1 }),
    agree: (order, agreed) => void orders.set(order.id, { ...order, ...agreed }),
  };
}
