import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createDatabase, type TestDatabase } from '../harness/database.ts';
import { type ServiceProcess, startProcess } from '../harness/process.ts';
import { CLIENT, FREELANCER, seedDispute, seedOrder } from '../harness/seed.ts';
import { waitFor } from '../harness/wait-for.ts';

/** Servers as a row of the table sets them up. */
export interface Place {
  readonly database?: TestDatabase;
  readonly databaseUrl?: string;
  readonly redisUrl?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Called when the service runs, to take away what it had at its start. */
  readonly spoil?: (service: ServiceProcess) => Promise<unknown>;
}

/** What a service did there. */
export interface Observation {
  /** What /readyz said in the end. */
  readonly http: number;
  readonly status: string;
  readonly reason: string;
  /** The statuses of all calls of its API. */
  readonly statuses: readonly number[];
  /** How long after its deadline the slowest dispute took effect, in milliseconds; null where none did. */
  readonly lateMs: number | null;
  /** What the process used of one core while nothing was asked of it, in percent. */
  readonly cpuPercent: number;
  /** Lines that it wrote in that time, for a minute. */
  readonly linesAMinute: number;
  /** The warning or error that says what is wrong. */
  readonly told: string;
}

const QUIET_MS = 10_000;
const SILENCE_MS = 20_000;
const MINUTE_MS = 60_000;
const TICKS_A_SECOND = 100;
const INFO = 30;

interface Readiness {
  readonly status: string;
  readonly reason?: string;
  readonly queue?: string;
}

/** What a process has used of the processors, in milliseconds (Linux). */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / TICKS_A_SECOND;
}

const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '');

function warningsIn(text: string): string[] {
  return linesOf(text).flatMap((line) => {
    try {
      const { level, msg, err } = JSON.parse(line) as { level: number; msg: string; err?: { message?: string } };
      return level > INFO ? [`${msg}${err?.message === undefined ? '' : `: ${err.message}`}`] : [];
    } catch {
      return [];
    }
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

/** Runs the built service in a place, uses it, leaves it alone for a while (ten seconds), and says how it went. */
export async function observe(place: Place, quietMs = QUIET_MS): Promise<Observation> {
  const { spoil, env = {}, database = await createDatabase(), ...servers } = place;
  const service = await startProcess({
    ...servers,
    database,
    env: { WINDOW_CANCELLATION: 'PT2S', REMINDERS: 'none', LOG_LEVEL: 'info', ...env },
  });
  await spoil?.(service);
  const statuses: number[] = [];
  const waiting = await use(service, statuses);
  const lateMs = await lateness(database, waiting);
  statuses.push((await service.as(FREELANCER).get(`/v1/orders/${waiting[0]}`)).status);
  const ready = await service.withAuthorization(null).get<Readiness>('/readyz');
  const { pid = 0 } = service.child;
  const [cpu, lines] = [cpuMs(pid), linesOf(service.stdout()).length];
  await sleep(quietMs); // a rate is measured over time
  const cpuPercent = Math.round(((cpuMs(pid) - cpu) / quietMs) * 100);
  const linesAMinute = Math.round(((linesOf(service.stdout()).length - lines) * MINUTE_MS) / quietMs);
  const told = warningsIn(service.stdout())[0] ?? '';
  await service.stop('SIGKILL');
  const { status, reason, queue } = ready.body;
  return {
    http: ready.status,
    status,
    reason: reason ?? (queue === undefined ? '' : `queue ${queue}`),
    statuses,
    lateMs,
    cpuPercent,
    linesAMinute,
    told,
  };
}
