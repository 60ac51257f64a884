import type pg from 'pg';
import { type Database, openDatabase, type Tx, withTx } from '../../../../src/platform/postgres/database.ts';
import { changeEndpoint, reviseDeliveries } from '../../../../src/webhooks/changes.ts';
import { type Claimed, claimDue, fanOut, recordOutcome } from '../../../../src/webhooks/deliver.ts';
import { queueAgain, queueMessage } from '../../../../src/webhooks/queue.ts';
import type { DeliveryRow } from '../../../../src/webhooks/store/deliveries.ts';
import {
  type EndpointRow,
  insertEndpoint,
  lockEndpoint,
  movePosition,
} from '../../../../src/webhooks/store/endpoints.ts';
import { onCleanup } from '../../../harness/cleanup.ts';
import type { TestDatabase } from '../../../harness/database.ts';
import { BEGIN } from '../../../webhooks/builders.ts';
import type { Action, Attempt, Reaction, World } from './world.ts';

/** Opens a database whose clock stands where a table of the test says: every question for the time is asked there. */
async function openWithClock(database: TestDatabase): Promise<Database> {
  await database.query('CREATE TABLE test_clock (now timestamptz NOT NULL)');
  await database.query('INSERT INTO test_clock VALUES (now())');
  await database.query(
    `CREATE FUNCTION test_now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT now FROM public.test_clock'`,
  );
  const opened = openDatabase({ url: database.url, poolSize: 2, applicationName: 'model', onError: () => {} });
  const asked = (text: string) => text.replaceAll(/\b(clock|statement)_timestamp\(\)/g, 'test_now()');
  opened.pool.on('connect', (client: pg.PoolClient) => {
    const query = client.query.bind(client) as (...args: unknown[]) => unknown;
    const rewritten = (first: unknown, ...rest: unknown[]) =>
      query(typeof first === 'string' ? asked(first) : Object.assign(first as object, rewrite(first)), ...rest);
    client.query = rewritten as typeof client.query;
  });
  const rewrite = (config: unknown) => ({ text: asked((config as { text: string }).text) });
  onCleanup(() => opened.pool.end());
  return opened;
}

const uuidOf = (kind: number, name: string): string =>
  `0000000${kind}-0000-7000-8000-${(name.split('-')[1] ?? '').padStart(12, '0')}`;
const MESSAGE = 1;
const CLAIM = 2;

/** Does in PostgreSQL, by the service's own use cases, what a history does. */
export class SqlWorld {
  readonly #db: Database;
  readonly #database: TestDatabase;
  readonly #endpointId: string;
  readonly #claimed = new Map<string, Claimed>();
  #serial = 0;
  #claim: string | null = null;
  #seq = 0;

  private constructor(db: Database, database: TestDatabase, endpointId: string) {
    this.#db = db;
    this.#database = database;
    this.#endpointId = endpointId;
  }

  static async open(database: TestDatabase): Promise<() => Promise<SqlWorld>> {
    const db = await openWithClock(database);
    return async () => {
      await database.query('TRUNCATE webhook_endpoints, webhook_deliveries, webhook_attempts, log_entries');
      const world = new SqlWorld(db, database, uuidOf(3, 'endpoint-1'));
      await world.#setClock(BEGIN);
      const endpoint = { url: 'https://receiver.example/0', types: null, active: true, includeComments: false };
      const rest = { id: world.#endpointId, description: null, secret: 'none', createdBy: 'a test' };
      await withTx(db, (tx) => insertEndpoint(tx, { ...endpoint, ...rest }));
      return world;
    };
  }

  get #deps() {
    return { db: this.#db, newId: () => this.#claim ?? this.#newId() };
  }

  #newId(): string {
    this.#serial += 1;
    return uuidOf(4, `any-${this.#serial}`);
  }

  async #setClock(now: number): Promise<void> {
    await this.#database.query('UPDATE test_clock SET now = $1', [new Date(now)]);
  }

  /** Runs a change of the endpoint under its lock. */
  async #change(work: (tx: Tx, endpoint: EndpointRow) => Promise<unknown>): Promise<void> {
    await withTx(this.#db, async (tx) => {
      const endpoint = await lockEndpoint(tx, this.#endpointId);
      if (endpoint === undefined) throw new Error('the endpoint is gone');
      await work(tx, endpoint);
    });
  }

  /** Does what the world in memory has just done. */
  async follow(action: Action, now: number): Promise<void> {
    switch (action.kind) {
      case 'append':
        this.#seq += 1;
        await this.#database.query(
          `INSERT INTO log_entries (order_id, order_version, id, type, occurred_at, actor_role, cause, data, seq)
           VALUES ($1, $2::integer, $3, $4, $5, 'system', 'a test', '{}', $2::integer)`,
          [action.event.orderId, this.#seq, uuidOf(MESSAGE, action.event.messageId), action.event.type, new Date(now)],
        );
        return;
      case 'fanOut':
        await fanOut({ ...this.#deps, log: { error: () => {} } });
        return;
      case 'revise':
        while (await reviseDeliveries(this.#db));
        return;
      case 'claim':
        return await this.#claimAll(action.claim);
      case 'answer':
        return await this.#answer(action.answers);
      case 'patch':
        return await this.#change((tx, endpoint) => changeEndpoint(tx, endpoint, action.patch));
      case 'redeliver': {
        const messageId = uuidOf(MESSAGE, action.messageId);
        const [row] = await this.#database.query<{ id: string }>(
          'SELECT id FROM webhook_deliveries WHERE message_id = $1',
          [messageId],
        );
        return await this.#change((tx, endpoint) => queueAgain(tx, endpoint, row?.id ?? ''));
      }
      case 'replay':
        return await this.#change((tx) => movePosition(tx, this.#endpointId, action.after));
      case 'test': {
        const message = { type: 'webhook_endpoint.test' as const, payload: {}, deliveryId: this.#newId() };
        const messageId = uuidOf(MESSAGE, action.messageId);
        return await this.#change((tx, endpoint) => queueMessage(tx, endpoint, { ...message, messageId }));
      }
      case 'wait':
        return await this.#setClock(now);
      default:
        return action satisfies never;
    }
  }

  async #claimAll(claim: string): Promise<void> {
    this.#claim = uuidOf(CLAIM, claim);
    for (const claimed of await claimDue(this.#deps, this.#endpointId)) {
      this.#claimed.set(`${claimed.delivery.messageId} ${claimed.claim}`, claimed);
    }
    this.#claim = null;
  }

  async #answer(answers: readonly (Attempt & Reaction)[]): Promise<void> {
    const attempts = answers.map(({ messageId, claim, statusCode, waitMs }) => {
      const claimed = this.#claimed.get(`${uuidOf(MESSAGE, messageId)} ${uuidOf(CLAIM, claim)}`);
      if (claimed === undefined) throw new Error(`${messageId} was not claimed`);
      const retryAfter = waitMs === null ? null : String(waitMs / 1_000);
      const error = statusCode === null ? 'ECONNREFUSED' : null;
      return { claimed, answer: { statusCode, error, text: null, retryAfter, durationMs: 0 } };
    });
    const chances = answers.map(({ chance }) => chance)[Symbol.iterator]();
    await recordOutcome(this.#deps, this.#endpointId, attempts, () => chances.next().value ?? 0);
  }

  /** The rows as they are, in the terms of the world in memory. */
  async rows(): Promise<{ endpoint: object; deliveries: Map<string, object> }> {
    return await withTx(this.#db, async (tx) => {
      const endpoint = await lockEndpoint(tx, this.#endpointId);
      if (endpoint === undefined) throw new Error('the endpoint is gone');
      const { webhookDeliveries } = await import('../../../../src/webhooks/store/schema.ts');
      const found: DeliveryRow[] = await tx.select().from(webhookDeliveries);
      const { reviseAfter } = endpoint;
      return {
        endpoint: { ...stateOf(endpoint, ENDPOINT), position: endpoint.position, mustRevise: reviseAfter !== null },
        deliveries: new Map(found.map((row) => [row.messageId, stateOf(row, DELIVERY)])),
      };
    });
  }
}

const ENDPOINT = [
  ...['url', 'types', 'active', 'activeSince', 'disabledReason', 'disabledAt', 'failingSince', 'failures'],
  ...['releasedAt', 'urlChangedAt', 'typesChangedAt'],
];
const DELIVERY = [
  ...['orderId', 'seq', 'type', 'status', 'attempts', 'isRetry', 'queuedAt', 'scheduledAt', 'askedUntil'],
  ...['nextAttemptAt', 'lastAttemptAt', 'claim', 'finishedAt'],
];

const stateOf = (row: object, names: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(names.map((name) => [name, (row as Record<string, unknown>)[name]]));

/** The same of the world in memory, with the ids that its names have in PostgreSQL. */
export function rowsOf(world: World): { endpoint: object; deliveries: Map<string, object> } {
  const { position, mustRevise } = world;
  return {
    endpoint: { ...stateOf(world.endpoint, ENDPOINT), position, mustRevise },
    deliveries: new Map(
      [...world.deliveries.values()].map((row) => [
        uuidOf(MESSAGE, row.messageId),
        { ...stateOf(row, DELIVERY), claim: row.claim === null ? null : uuidOf(CLAIM, row.claim) },
      ]),
    ),
  };
}
