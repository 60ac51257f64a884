import type { Logger } from 'pino';
import { makeDeps, type Surroundings } from './deps.ts';
import { example } from './dev/banner.ts';
import { tokenShapeOf } from './dev/development.ts';
import { closeApp } from './http/server/close.ts';
import { listen } from './http/server/listen.ts';
import { buildListeners } from './http/server/listeners.ts';
import { type Config, modeOf } from './platform/config.ts';
import { openDeployment } from './platform/postgres/deployment.ts';
import { VERSION } from './platform/version.ts';
import { stopWithin } from './platform/within.ts';
import { prefixOf } from './workers/queue.ts';

// Neither may take what the others need of the ten seconds of a stop; a request is over in less, by its own time limits.
const REQUESTS_END_MS = 5_000;
const WORKERS_STOP_MS = 5_000;
const CONNECTIONS_CLOSE_MS = 2_000;

async function introduce(
  config: Config,
  address: string,
  authSecret: string | null,
  say: (line: string) => void,
): Promise<void> {
  say(`Resolution Center ${VERSION} (${config.ROLE}) listens on ${address}`);
  if (config.ROLE === 'worker') return;
  if (modeOf(config) === 'sandbox') say(`Both parties of a sample order, in a browser: ${address}`);
  say(`API reference: ${address}/docs`);
  // Tokens are printed only where the secret behind them is this checkout's own.
  if (config.AUTH_SECRET !== undefined || authSecret === null) return;
  say(await example(address, authSecret, tokenShapeOf(config)));
}

/** A process that serves. */
export interface Server {
  /** Stops it within nine seconds; requests under way are answered. */
  readonly stop: () => Promise<void>;
}

/**
 * Serves what a role serves, in surroundings that are prepared, and says where.
 * @param say takes one line for people
 * @throws what stands in the way of it
 */
export async function serve(
  config: Config,
  surroundings: Surroundings,
  log: Logger,
  say: (line: string) => void,
): Promise<Server> {
  const id = await openDeployment(surroundings.databaseUrl, modeOf(config));
  const name = config.REDIS_PREFIX ?? `resolution-center:${id}`;
  const deps = makeDeps(config, { ...surroundings, queuePrefix: prefixOf(name) }, log);
  const { main, ops } = await buildListeners(deps.app, {
    role: config.ROLE,
    hasOpsPort: config.OPS_PORT !== undefined,
  });
  const address = await listen(main, config.HOST, config.PORT, 'HOST and PORT');
  const opsHost = config.OPS_HOST ?? config.HOST;
  const opsAddress = ops === null ? null : await listen(ops, opsHost, config.OPS_PORT ?? 0, 'OPS_HOST and OPS_PORT');
  if (config.ROLE !== 'worker') deps.prefetchKeys();
  const workers = config.ROLE === 'api' ? null : deps.startWorkers();
  if (opsAddress !== null) say(`Operators: ${opsAddress}/ops/queues`);
  await introduce(config, address, surroundings.authSecret, say);
  // Loaded now instead of by the first webhook: a later build of the checkout replaces the files of this one. A failure shows
  // when a webhook is sent.
  if (workers !== null) import('./platform/network/http-client.ts').catch(() => {});
  const stop = async () => {
    const workersStop = workers === null ? null : stopWithin(WORKERS_STOP_MS, 'the workers', workers.stop(), log);
    const closing = [main, ...(ops === null ? [] : [ops])].map((app) => closeApp(app, REQUESTS_END_MS));
    await Promise.all([...closing, workersStop]);
    await stopWithin(CONNECTIONS_CLOSE_MS, 'the connections', deps.close(), log);
  };
  return { stop };
}
