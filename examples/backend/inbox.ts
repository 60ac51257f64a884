import { Webhook } from 'standardwebhooks';

type Headers = Readonly<Record<string, string | undefined>>;

/** What a message says, as far as a receiver has to know it. */
export interface Message {
  readonly type: string;
  readonly timestamp: string;
  readonly data: { readonly orderId?: string; readonly orderVersion?: number; readonly seq?: number } & Record<
    string,
    unknown
  >;
}

export interface InboxOptions {
  /** The endpoint's secrets: during a rotation the old one and the new one. */
  readonly secrets: () => readonly string[];
  /** Does what an event is for. It gets each event once, and those of one order in their order. */
  readonly apply: (message: Message) => void;
}

/** The message is not from us, was changed on its way, or is too old. */
export class NotOursError extends Error {
  constructor() {
    super('no signature fits');
    this.name = 'NotOursError';
  }
}

/**
 * What a receiver of webhooks has to do, ready to be copied: verify, drop what has come before, keep the order. Store
 * `seen` and `versions` in the database in which `apply` writes, in the same transaction: each effect then happens once.
 */
export function createInbox({ secrets, apply }: InboxOptions) {
  const seen = new Set<string>();
  const versions = new Map<string, number>();
  /** Events that came before their predecessor; the predecessor lets them go. */
  const early = new Map<string, Map<number, Message>>();

  function verify(body: string, headers: Headers): Message {
    for (const secret of secrets()) {
      try {
        return new Webhook(secret).verify(body, headers as Record<string, string>) as Message;
      } catch {
        // the next secret may fit
      }
    }
    throw new NotOursError();
  }

  function applyInOrder(message: Message): void {
    const { orderId, orderVersion } = message.data;
    if (orderId === undefined || orderVersion === undefined) {
      apply(message);
      return;
    }
    const done = versions.get(orderId) ?? 0;
    if (orderVersion <= done) return;
    const waiting = early.get(orderId) ?? new Map<number, Message>();
    early.set(orderId, waiting.set(orderVersion, message));
    for (let next = done + 1; ; next += 1) {
      const ready = waiting.get(next);
      if (ready === undefined) return;
      waiting.delete(next);
      versions.set(orderId, next);
      apply(ready);
    }
  }

  return {
    /**
     * Takes one request. Answer 204 if it returns, and 401 if it throws.
     * @returns whether the message is new
     * @throws NotOursError
     */
    receive: (body: string, headers: Headers): boolean => {
      const message = verify(body, headers);
      const id = headers['webhook-id'] ?? '';
      if (seen.has(id)) return false;
      seen.add(id);
      applyInOrder(message);
      return true;
    },
    /** Orders of which an event is missing: read the feed for them. */
    gaps: (): string[] => [...early].filter(([, waiting]) => waiting.size > 0).map(([orderId]) => orderId),
  };
}
