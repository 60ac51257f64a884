import type { Command } from 'commander';
import type { z } from 'zod';
import { ConfigError, readConfig } from '../platform/config.ts';
import { createEncryption } from '../platform/encryption.ts';
import type { DeliveryPage, Delivery as DeliverySchema, EndpointPage } from '../webhooks/http/schemas.ts';
import { reencryptSecrets } from '../webhooks/reencrypt.ts';
import { open, type RemoteOptions, remote } from './access.ts';
import { uuid, wholeNumber } from './arguments.ts';
import { onDatabase } from './database.ts';
import { refused } from './failures.ts';
import { facts, type Io, show, table } from './output.ts';
import { pages } from './pages.ts';

type Delivery = z.output<typeof DeliverySchema>;

const MOST = 10_000;

function addList(webhooks: Command, io: Io): void {
  remote(webhooks.command('list').description('the endpoints that events are delivered to')).action(
    async (options: RemoteOptions) => {
      const list = { what: 'endpoints', path: '/v1/webhook-endpoints', limit: MOST };
      const { data: found } = await pages<z.output<typeof EndpointPage>>(io, await open(io, options), list);
      const rows = found.map((one) => [
        ...[one.id, one.url, one.status, one.types?.join(',') ?? 'all', one.failingSince, one.createdAt],
      ]);
      const columns = ['ENDPOINT', 'URL', 'STATUS', 'TYPES', 'FAILING SINCE', 'CREATED'];
      show(io, options.json, found, () => table(columns, rows));
    },
  );
}

interface DeliveriesOptions extends RemoteOptions {
  readonly status?: string;
  readonly limit: number;
}

/** What came of the last attempt at a delivery. */
export function outcomeOf({ attempts }: Delivery): string {
  const last = attempts.at(-1);
  return last === undefined ? '' : String(last.statusCode ?? last.error ?? '');
}

function addDeliveries(webhooks: Command, io: Io): void {
  remote(webhooks.command('deliveries').description('what was sent to an endpoint, or will be, and what came of it'))
    .argument('<endpoint>', 'the id of the endpoint', uuid)
    .option('--status <status>', 'only deliveries that are waiting, pending, delivered, failed or skipped')
    .option('--limit <number>', `how many are listed at most, up to ${MOST}`, wholeNumber(1, MOST), 20)
    .action(async (endpoint: string, options: DeliveriesOptions) => {
      const { status, limit } = options;
      const list = {
        what: 'deliveries',
        path: `/v1/webhook-endpoints/${endpoint}/deliveries`,
        limit,
        query: { status },
      };
      const { data: found } = await pages<z.output<typeof DeliveryPage>>(io, await open(io, options), list);
      const rows = found.map((one) => [
        ...[one.id, one.createdAt, one.type, one.orderId, one.status, one.attempts.length],
        ...[outcomeOf(one), one.nextAttemptAt],
      ]);
      const columns = ['DELIVERY', 'CREATED', 'TYPE', 'ORDER', 'STATUS', 'ATTEMPTS', 'LAST', 'NEXT ATTEMPT'];
      show(io, options.json, found, () => table(columns, rows));
    });
}

function addRedeliver(webhooks: Command, io: Io): void {
  remote(webhooks.command('redeliver').description('send a delivery once more'))
    .argument('<delivery>', 'the id of the delivery', uuid)
    .action(async (id: string, options: RemoteOptions) => {
      const path = `/v1/webhook-deliveries/${id}/redeliver`;
      const delivery = await (await open(io, options)).post<Delivery>(path);
      show(io, options.json, delivery, () =>
        facts([
          ['delivery', delivery.id],
          ['status', delivery.status],
          ['next attempt', delivery.nextAttemptAt],
        ]),
      );
    });
}

function addReencrypt(webhooks: Command, io: Io): void {
  webhooks
    .command('reencrypt')
    .description('encrypt the secrets of all endpoints by the first of WEBHOOK_ENCRYPTION_KEY, in DATABASE_URL itself')
    .option('--json', 'answer as JSON, for programs')
    .action(async ({ json }: { readonly json?: boolean }) => {
      const name = 'WEBHOOK_ENCRYPTION_KEY';
      const keys = readConfig({ [name]: io.env[name] }).WEBHOOK_ENCRYPTION_KEY;
      if (keys === undefined) throw new ConfigError(`${name} must have the keys with which secrets were encrypted`);
      const result = await onDatabase(io.env, ({ db }) => reencryptSecrets(db, createEncryption(keys)));
      show(io, json, result, () => facts([['endpoints encrypted by the first key', String(result.reencrypted)]]));
      if (result.unreadable.length > 0) {
        const endpoints = result.unreadable.join(', ');
        throw refused(
          `none of the keys decrypts the secrets of ${endpoints}: add the key that encrypted them to ${name}, behind the first and ` +
            'a comma, and run this again; only if it is lost, rotate these secrets with "keepPreviousFor": "PT0S"',
        );
      }
    });
}

/** Adds `webhooks list`, `webhooks deliveries`, `webhooks redeliver` and `webhooks reencrypt`. */
export function addWebhookCommands(program: Command, io: Io): void {
  const webhooks = program.command('webhooks').description('endpoints of other services, and what was sent to them');
  addList(webhooks, io);
  addDeliveries(webhooks, io);
  addRedeliver(webhooks, io);
  addReencrypt(webhooks, io);
}
