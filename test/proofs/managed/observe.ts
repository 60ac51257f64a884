import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createDatabase, type TestDatabase } from '../../harness/database.ts';
import { type ServiceProcess, startProcess } from '../../harness/process.ts';
import { anOrderReport, CLIENT, FREELANCER, REQUESTS, seedDispute, seedOrder } from '../../harness/seed.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { callEveryKind, type WrongAnswer } from './tour.ts';

/** Servers as a row of the table sets them up. */
export interface Place {
  readonly database?: TestDatabase;
  readonly databaseUrl?: string;
  readonly redisUrl?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** How many connections its server has been asked for so far. */
  readonly connections?: () => Promise<number>;
  /** Called when the service runs, to take away what it had at its start. */
  readonly spoil?: (service: ServiceProcess) => Promise<unknown>;
  /** Gives it back: the service is unavailable until then. */
  readonly heal?: () => Promise<unknown>;
}

/** What a service did there. */
export interface Observation {
  /** What /readyz said in the end. */
  readonly http: number;
  readonly status: string;
  readonly reason: string;
  /** The statuses of all calls of its API, but those that were made while it was unavailable. */
  readonly statuses: readonly number[];
  /** Calls of a tour of every kind of endpoint that were not answered as they should be. */
  readonly wrongAnswers: readonly WrongAnswer[];
  /** The answers to calls that were made while it was unavailable: a status, and whether it said when to try again. */
  readonly refusals: readonly { readonly status: number; readonly saysWhen: boolean }[];
  /**
   * How long after its deadline the slowest dispute took effect, in milliseconds, or after what it needs was given back; null
   * where none did.
   */
  readonly lateMs: number | null;
  /** Whether events are without a position in the feed, or two have the same. */
  readonly isFeedStuck: boolean;
  /** What the process used of one core while nothing was asked of it, in percent. */
  readonly cpuPercent: number;
  /** Lines that it wrote in that time, for a minute. */
  readonly linesAMinute: number;
  /** Connections that it asked its server for in that time, for a minute; 0 where they are not counted. */
  readonly connectionsAMinute: number;
  /** What /readyz said in that time, each answer once, in the order in which they came first. */
  readonly readiness: readonly string[];
  /** Lines on stdout and stderr that are not JSON. */
  readonly plainLines: readonly string[];
  /** The warning or error that says what is wrong. */
  readonly told: string;
}

const QUIET_MS = 10_000;
const LOOK_EVERY_MS = 250;
const SILENCE_MS = 60_000;
const MINUTE_MS = 60_000;
const TICKS_A_SECOND = 100;
const FEED_MS = 60_000;
const INFO = 30;
/** What a start says to a terminal. */
const IS_BANNER = /^(Resolution Center \S+ \(\w+\) listens on|API reference:) /;

interface Readiness {
  readonly status: string;
  readonly reason?: string;
  readonly queue?: string;
  readonly postgres: string;
}

/** What a process has used of the processors, in milliseconds (Linux). */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / TICKS_A_SECOND;
}

const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '');

interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly err?: { readonly message?: string };
}

/** A line of the log, or null for a plain one. */
function logLineOf(line: string): LogLine | null {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return null;
  }
}

function warningsIn(text: string): string[] {
  return linesOf(text).flatMap((line) => {
    const { level = 0, msg = '', err } = logLineOf(line) ?? {};
    return level > INFO ? [`${msg}${err?.message === undefined ? '' : `: ${err.message}`}`] : [];
  });
}

/** Opens disputes, lets one be answered and others meet silence; keeps the status of each call. */
async function use(service: ServiceProcess, statuses: number[]): Promise<string[]> {
  const { id } = await seedDispute(service, 'order_change');
  statuses.push(201);
  statuses.push((await service.as(CLIENT).post(`/v1/disputes/${id}/accept`, { comment: 'Fine.' })).status);
  const waiting: string[] = [];
  for (let n = 0; n < 3; n += 1) {
    const order = await seedOrder(service);
    await seedDispute(service, 'cancellation', { orderId: order.id });
    statuses.push(201);
    waiting.push(order.id);
  }
  return waiting;
}

/** Waits until silence has cancelled the orders, without reading them: a read would apply what is due. */
async function lateness(database: TestDatabase, orderIds: readonly string[]): Promise<number | null> {
  const late = async () => {
    const rows = await database.query<{ ms: number }>(
      `SELECT extract(epoch from resolved_at - respond_by)::float8 * 1000 AS ms FROM disputes
       WHERE order_id = ANY($1) AND resolution = 'expired'`,
      [orderIds],
    );
    return rows.length === orderIds.length && Math.round(Math.max(...rows.map(({ ms }) => ms)));
  };
  return await waitFor('the deadlines take effect', late, SILENCE_MS).catch(() => null);
}

/** Whether the feed does not have, within a while, what the log has. */
async function isFeedStuck(service: ServiceProcess, statuses: number[]): Promise<boolean> {
  const isWhole = async () => {
    const { status } = await service.withScopes('events:read').get('/v1/events?after=0');
    const [row] = await service.database.query<{ whole: boolean }>(
      'SELECT count(*) = count(DISTINCT seq) AS whole FROM log_entries',
    );
    return row?.whole === true && { status };
  };
  const { status } = await waitFor('the feed is whole', isWhole, FEED_MS).catch(() => ({ status: null }));
  if (status !== null) statuses.push(status);
  return status === null;
}

/** Writes while nothing can be written. */
async function refusalsOf(service: ServiceProcess): Promise<Observation['refusals']> {
  const answers = [
    await service.withScopes('orders:write').put('/v1/orders/in-an-outage', anOrderReport()),
    await service.as(CLIENT).post('/v1/orders/order-1/disputes', REQUESTS.cancellation),
    await service.withScopes('ops').post('/v1/ops/holds', { note: 'Down.' }),
  ];
  return answers.map(({ status, headers }) => ({ status, saysWhen: Number(headers['retry-after']) > 0 }));
}

/** How ready a service says that it is. */
async function readinessOf(service: ServiceProcess) {
  const { status: http, text } = await service.withAuthorization(null).get('/readyz');
  const { status, reason, queue, postgres } = JSON.parse(text) as Readiness;
  const why = reason ?? (queue !== undefined ? `queue ${queue}` : postgres === 'up' ? '' : `postgres ${postgres}`);
  return { http, status, reason: why };
}

/** Looks at what a service does in a time in which it is asked nothing but how ready it is, four times a second. */
async function leaveAlone(service: ServiceProcess, { connections = async () => 0 }: Place, quietMs: number) {
  const { pid = 0 } = service.child;
  const [cpu, lines] = [cpuMs(pid), linesOf(service.stdout()).length];
  const before = await connections();
  const end = performance.now() + quietMs;
  const readiness = new Set<string>();
  while (performance.now() < end) {
    readiness.add(
      Object.values(await readinessOf(service))
        .join(' ')
        .trim(),
    );
    await sleep(LOOK_EVERY_MS); // as a load balancer does
  }
  // A few at the beginning of an outage are no rate: those of a shorter time count for ten seconds.
  const perMinute = (count: number) => Math.round((count * MINUTE_MS) / Math.max(quietMs, QUIET_MS));
  return {
    ...(await readinessOf(service)),
    connectionsAMinute: perMinute((await connections()) - before),
    readiness: [...readiness],
    cpuPercent: Math.round(((cpuMs(pid) - cpu) / quietMs) * 100),
    linesAMinute: perMinute(linesOf(service.stdout()).length - lines),
  };
}

/** Uses a service that is never unavailable. */
async function observeUse(service: ServiceProcess, place: Place, quietMs: number) {
  await place.spoil?.(service);
  const statuses: number[] = [];
  const waiting = await use(service, statuses);
  const lateMs = await lateness(service.database, waiting);
  statuses.push((await service.as(FREELANCER).get(`/v1/orders/${waiting[0]}`)).status);
  const wrongAnswers = await callEveryKind(service);
  const quiet = await leaveAlone(service, place, quietMs);
  return { ...quiet, statuses, wrongAnswers, refusals: [], lateMs };
}

/** Uses a service, has it lose what it needs while deadlines come, and gives that back. */
async function observeOutage(service: ServiceProcess, place: Place, quietMs: number) {
  const { spoil, heal } = place;
  const statuses: number[] = [];
  const waiting = await use(service, statuses);
  await spoil?.(service);
  const refusals = await refusalsOf(service);
  const quiet = await leaveAlone(service, place, quietMs);
  await heal?.();
  const healed = performance.now();
  const late = await lateness(service.database, waiting);
  const lateMs = late === null ? null : Math.round(performance.now() - healed);
  const isReady = async () => (await service.withAuthorization(null).get('/readyz')).status === 200;
  await waitFor('it is ready again', isReady, SILENCE_MS).catch(() => statuses.push(503));
  statuses.push((await service.withScopes('orders:write').put('/v1/orders/after-it', anOrderReport())).status);
  return { ...quiet, statuses, wrongAnswers: await callEveryKind(service), refusals, lateMs };
}

const NOTHING = {
  http: 0,
  statuses: [],
  wrongAnswers: [],
  refusals: [],
  lateMs: null,
  isFeedStuck: false,
  cpuPercent: 0,
  linesAMinute: 0,
  connectionsAMinute: 0,
  readiness: [],
  plainLines: [],
};

/** Runs the built service in a place, uses it, leaves it alone for a while (ten seconds), and says how it went. */
export async function observe(place: Place, quietMs = QUIET_MS): Promise<Observation> {
  const { spoil: _spoil, heal, env = {}, database = await createDatabase(), ...servers } = place;
  const variables = {
    NODE_ENV: 'production',
    WINDOW_CANCELLATION: 'PT2S',
    REMINDERS: 'none',
    LOG_LEVEL: 'info',
    ...env,
  };
  let service: ServiceProcess;
  try {
    service = await startProcess({ ...servers, database, env: variables });
  } catch (error) {
    const told = warningsIn(String(error)).at(-1) ?? linesOf(String(error)).slice(1).join(' ');
    return { ...NOTHING, status: 'does not start', reason: '', told };
  }
  const seen = await (heal === undefined ? observeUse : observeOutage)(service, place, quietMs);
  const statuses = [...seen.statuses];
  const isStuck = await isFeedStuck(service, statuses);
  const told = warningsIn(service.stdout())[0] ?? '';
  await service.stop();
  const written = linesOf(`${service.stdout()}${service.stderr()}`);
  const plainLines = written.filter((line) => logLineOf(line) === null && !IS_BANNER.test(line));
  return { ...seen, statuses, isFeedStuck: isStuck, told, plainLines };
}
