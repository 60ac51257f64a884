// The backend of a small marketplace: it reports orders, receives webhooks, mails the parties, and records that it has done so.
//   npm run example:backend
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { addEndpoint, removeEndpoint } from './endpoint.ts';
import { type Event, eventOf } from './events.ts';
import { createHttp } from './http.ts';
import { createInbox, NotOursError } from './inbox.ts';
import { createMailer } from './mailer.ts';
import { createOrders } from './orders.ts';
import { sampleOrder } from './sample-order.ts';

const HOST = '127.0.0.1';
const PORT = Number(process.env['PORT'] || 4200);
const FRONTEND = process.env['FRONTEND_URL'] || 'http://127.0.0.1:4100';

const say = (line: string) => void process.stdout.write(`${line}\n`);
const warn = (line: string) => void process.stderr.write(`${line}\n`);

const orders = createOrders();
const tell = await createMailer({ send: async (mail) => say(`mail ${JSON.stringify(mail)}`), warn });

/** Takes over what the parties agreed on: a cancellation, or a later delivery date. */
function takeOutcome({ type, orderId, order }: Event): void {
  const known = orders.find(orderId);
  if (known === undefined) return;
  if (type === 'order.delivery_date_changed') orders.agree(known, { deliverBy: order.deliverBy });
  if (type !== 'order.status_changed' || order.status !== 'mutually_cancelled') return;
  orders.agree(known, { status: order.status });
  say(`refund ${JSON.stringify({ orderId, to: known.clientId, ...known.price })}`);
}

// A message is answered at once, and its work is done afterwards, in order. In memory here: a process that dies loses what is
// left. Write it to your database before the answer, in the transaction in which the inbox notes what it has seen.
let work = Promise.resolve();
const secrets: string[] = [];
const inbox = createInbox({
  secrets: () => secrets,
  apply: (message) => {
    const event = eventOf(message);
    if (event === null) return;
    takeOutcome(event);
    work = work.then(() => tell(event)).catch((error: unknown) => warn(`event ${event.type}: ${String(error)}`));
  },
});

const server = createHttp({
  receive: (body, headers) => {
    try {
      inbox.receive(body, headers);
      return 204;
    } catch (error) {
      if (!(error instanceof NotOursError)) throw error;
      return 401;
    }
  },
  changeOrder: async (id, { status }) => {
    const order = orders.find(id);
    if (order === undefined) return null;
    return await orders.change(order, status === undefined ? {} : { status });
  },
});
server.listen(PORT, HOST);
await once(server, 'listening');
const base = `http://${HOST}:${(server.address() as AddressInfo).port}`;

const endpoint = await addEndpoint(`${base}/webhooks`);
secrets.push(endpoint.secret);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await removeEndpoint(endpoint).catch((error: unknown) => warn(`the endpoint stays: ${String(error)}`));
    server.closeAllConnections();
    server.close();
  });
}

const { id } = await orders.add(sampleOrder());
say(`reported order ${id}: ${FRONTEND}/?order=${id}`);
say(`listens on ${base}`);
