import { describeOutage, type Outage, RedisUnusableError } from './redis-state.ts';

/** Why a Redis that answers is of no use to the service, by the first word of its error. */
const REFUSALS: Readonly<Record<string, string>> = {
  NOPERM: 'the user of REDIS_URL lacks a permission',
  NOAUTH: 'the server requires a password, and REDIS_URL has none',
  WRONGPASS: 'the server does not accept the user name or password of REDIS_URL',
  DENIED: 'the server is in protected mode, and REDIS_URL names it by another address than its own host does',
  READONLY: 'the server is a read-only replica',
  MASTERDOWN: 'the server is a replica that has lost its master',
  MOVED: 'the server is a node of a cluster, and REDIS_URL does not say cluster=true',
  CROSSSLOT: 'the server keeps the keys of the queue on several nodes',
  CLUSTERDOWN: 'the cluster is down',
  OOM: 'the memory of the server is full',
  MISCONF: 'the server accepts no writes, since it cannot save to its disk',
  NOREPLICAS: 'the server accepts no writes, since too few replicas are connected',
  DISABLED: 'a command that the queue needs does not exist there',
  MAXCLIENTS: 'the server has as many clients as it allows',
};

/** Errors whose first word says nothing. */
const BY_TEXT: readonly (readonly [RegExp, keyof typeof REFUSALS])[] = [
  [/user executing the script can't (run|access)/, 'NOPERM'],
  [/unknown (redis )?command/i, 'DISABLED'],
  [/max number of clients/, 'MAXCLIENTS'],
];

/** What the server said: a transaction, a pipeline and a cluster wrap it. */
export function serverErrorOf(error: unknown): unknown {
  const { previousErrors, lastNodeError, cause } = (error ?? {}) as {
    previousErrors?: readonly unknown[];
    lastNodeError?: unknown;
    cause?: unknown;
  };
  const inner = previousErrors?.[0] ?? lastNodeError ?? cause;
  return inner === undefined ? error : serverErrorOf(inner);
}

/** Says in words why a Redis that answers refuses the service, or null where it is away, frozen or starting. */
export function refusalOf(error: unknown): string | null {
  const inner = serverErrorOf(error);
  const message = inner instanceof Error ? inner.message : '';
  const word = BY_TEXT.find(([pattern]) => pattern.test(message))?.[1] ?? /^-?([A-Z]+)/.exec(message)?.[1];
  const reason = word === undefined ? undefined : REFUSALS[word];
  return reason === undefined ? null : `${word}: ${reason}`;
}

/** How Redis is where a client raised an error. */
export function outageStateOf(error: unknown): Outage {
  const reason = refusalOf(error);
  return reason === null ? { redis: 'down' } : { redis: 'refusing', reason };
}

/** Says in a few words what an error means for the service. */
export function outageOf(error: unknown): string {
  return describeOutage(outageStateOf(error));
}

const NETWORK_CODE = /^(E[A-Z]+|EAI_AGAIN)$/;
const NO_CONNECTION =
  /connection is closed|connection has been closed|command timed out|socket timeout|isn't writeable|connect(ion)? close|max retries per request|did not answer|not been reached|unblocked|^LOADING|failed to refresh slots|all sentinels/i;

/** Whether an error says that Redis cannot be used now, and nothing about a job: the health check logs the change, once. */
export function isOutage(error: unknown): boolean {
  if (error instanceof RedisUnusableError || refusalOf(error) !== null) return true;
  const inner = serverErrorOf(error);
  if (!(inner instanceof Error)) return false;
  return NETWORK_CODE.test(String((inner as { code?: unknown }).code ?? '')) || NO_CONNECTION.test(inner.message);
}
