import { SCOPES, type Scope } from '../../../src/application/caller.ts';
import { mintToken } from '../../../src/dev/development.ts';
import type { RawAnswer } from '../../harness/api/answer.ts';
import { checkAnswer } from '../../harness/api/conformance.ts';
import { faultOf, pointerTo } from '../../harness/api/document.ts';
import { TEST_SECRET } from '../../harness/client.ts';
import { type ServiceProcess, startProcess } from '../../harness/process.ts';
import { anOrderReport } from '../../harness/seed.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { createRandom, type Random } from '../faults/load/random.ts';
import { clockEdges, fullEdges, positionEdges, sendTwice, whileEndpointsAreFull } from './bounds.ts';
import { outcomesOf } from './codes.ts';
import { clockOf, type Edge, groundOf, outdatedEdges, stateEdges } from './edges.ts';
import { fingerprintOf } from './fingerprint.ts';
import { WATCHED, watchMemory } from './live-memory.ts';
import { edgeRequest, type FuzzRequest, type Kind, makeRequest, type World } from './requests.ts';
import { createSender } from './send.ts';

export interface FuzzResult {
  readonly requests: number;
  readonly seconds: number;
  readonly byStatus: ReadonlyMap<number, number>;
  readonly byKind: ReadonlyMap<string, number>;
  /** Refusals by their codes, by codes with reasons, and by codes with those of the faults of the input. */
  readonly byOutcome: ReadonlyMap<string, number>;
  /** Refused requests around which the tables were compared. */
  readonly compared: number;
  /** Megabytes that the process held after its garbage was collected, from when it was warm to the end. */
  readonly memoryMb: readonly number[];
  /** What must not happen, and did. */
  readonly breaches: readonly string[];
}

const CONNECTIONS = 12;
const BATCH = 400;
const ALONE = 12;
const ORDERS = 400;
const MAX_BREACHES = 20;
const PROBLEM = pointerTo('components', 'schemas', 'Problem');

const PARTIES = ['user-1', 'user-2', 'user-3', 'user-4'] as const;
const EVERYTHING = SCOPES.join(' ');

/** Authorization headers by who sends them: nobody, rubbish, a stranger, parties, services. */
type Tokens = ReadonlyMap<string, string | null>;

async function mintTokens(): Promise<Tokens> {
  const users = ['user-0', ...PARTIES].map(async (sub) => [sub, await mintToken(TEST_SECRET, { sub })] as const);
  const services = [...SCOPES, EVERYTHING].map(
    async (scope) => [scope, await mintToken(TEST_SECRET, { sub: 'a-service', scope })] as const,
  );
  const minted = await Promise.all([...users, ...services]);
  return new Map([
    ['nobody', null],
    ['rubbish', 'Bearer x.y.z'],
    ...minted.map(([name, token]) => [name, `Bearer ${token}`] as const),
  ]);
}

/** Valid requests mostly come from a caller who may send them; all others from any caller. */
function callerOf(random: Random, { kind, callers, caller }: FuzzRequest, tokens: Tokens): string {
  if (caller !== undefined && (kind === 'edge' || random.chance(0.8))) return caller;
  const fitting = callers.flatMap((caller) => (caller === 'party' || caller === 'any' ? PARTIES : [caller]));
  if (fitting.length > 0 && random.chance(kind === 'valid' ? 0.8 : 0.4)) return random.pick(fitting);
  return random.pick([...tokens.keys()]);
}

function faultOfAnswer(request: FuzzRequest, answer: RawAnswer): string | null {
  if (answer.status >= 500) return `${answer.status}: ${answer.text.slice(0, 300)}`;
  if (request.method === 'HEAD') return null;
  if (request.isAddressed) {
    try {
      checkAnswer(request as FuzzRequest & { payload?: string }, answer);
      return null;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
  return answer.status < 400 ? null : faultOfProblem(answer);
}

function faultOfProblem({ status, text }: RawAnswer): string | null {
  try {
    return faultOf(PROBLEM, JSON.parse(text));
  } catch {
    return `${status} without a problem document: ${text.slice(0, 300)}`;
  }
}

function learn(world: World, { text, headers }: RawAnswer): void {
  const location = /^\/v1\/disputes\/([0-9a-f-]{36})$/.exec(headers['location'] ?? '')?.[1];
  if (location !== undefined) world.disputeIds.push(location);
  const clock = /^\/v1\/test-clocks\/([0-9a-f-]{36})$/.exec(headers['location'] ?? '')?.[1];
  if (clock !== undefined) world.clockIds.push(clock);
  const cursor = /"nextCursor":"([\w-]+)"/.exec(text)?.[1];
  if (cursor !== undefined) world.cursors.push(cursor);
}

async function makeEdges(service: ServiceProcess): Promise<Edge[]> {
  const ground = groundOf(service);
  const clock = await clockOf(service);
  return [
    ...(await outdatedEdges(ground, clock)),
    ...(await stateEdges(ground, clock)),
    ...(await fullEdges(ground)),
    ...(await clockEdges(service.database)),
    ...(await positionEdges(service.database, ground)),
  ];
}

async function seedWorld(service: ServiceProcess): Promise<World> {
  const orderIds = Array.from({ length: ORDERS }, (_, index) => `order-${index}`);
  const reporter = service.withScopes('orders:write' satisfies Scope);
  for (const [index, orderId] of orderIds.entries()) {
    const parties = { clientId: `user-${1 + (index % 2)}`, freelancerId: `user-${3 + (index % 2)}` };
    await reporter.put(`/v1/orders/${orderId}`, anOrderReport({ ...parties, revision: 0 }));
  }
  return { orderIds, disputeIds: [], clockIds: [], cursors: [], edges: await makeEdges(service) };
}

/** Sends requests made from the document at a process of the service, and judges every answer. */
export async function fuzz(seed: number, requests: number, tell: (line: string) => void): Promise<FuzzResult> {
  const random: Random = createRandom(seed);
  const env = {
    MODE: 'sandbox',
    REMINDERS: 'none',
    COOLDOWN_AFTER_DECLINE: 'PT6H',
    LOG_LEVEL: 'error',
    ROLE: 'api',
    ...WATCHED,
  };
  const service = await startProcess({ role: 'api', env });
  const memory = await watchMemory(service);
  const world = await seedWorld(service);
  const tokens = await mintTokens();
  const sender = createSender(service.url, CONNECTIONS);
  const byStatus = new Map<number, number>();
  const byKind = new Map<string, number>();
  const byOutcome = new Map<string, number>();
  const memoryMb: number[] = [];
  const breaches: string[] = [];
  let sent = 0;
  let compared = 0;

  const signed = (request: FuzzRequest): FuzzRequest => {
    const token = tokens.get(callerOf(random, request, tokens)) ?? null;
    return { ...request, headers: { ...request.headers, ...(token !== null && { authorization: token }) } };
  };

  const make = (kinds: readonly Exclude<Kind, 'edge'>[]) => signed(makeRequest(random, world, random.pick(kinds)));

  const judge = async (request: FuzzRequest): Promise<number> => {
    sent += 1;
    const answer = await sender.send(request).catch((error: unknown) => String(error));
    const fault = typeof answer === 'string' ? answer : faultOfAnswer(request, answer);
    if (typeof answer !== 'string') {
      learn(world, answer);
      byStatus.set(answer.status, (byStatus.get(answer.status) ?? 0) + 1);
      const outcomes = answer.status < 400 ? [] : outcomesOf(answer.text);
      for (const outcome of outcomes) byOutcome.set(outcome, (byOutcome.get(outcome) ?? 0) + 1);
    }
    byKind.set(request.kind, (byKind.get(request.kind) ?? 0) + 1);
    if (fault !== null) {
      const { authorization: _, ...headers } = request.headers;
      const body = String(request.payload ?? '').slice(0, 300);
      breaches.push(`${request.kind} ${request.method} ${request.path} ${JSON.stringify(headers)} ${body}\n  ${fault}`);
    }
    return typeof answer === 'string' ? 0 : answer.status;
  };

  const inParallel = async (waiting: FuzzRequest[]) => {
    const work = async () => {
      for (let request = waiting.pop(); request !== undefined; request = waiting.pop()) await judge(request);
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, work));
  };

  /** Who has left a stream has the log numbered for a moment longer; that changes nothing of what it says. */
  const fingerprint = () =>
    waitFor('all entries have their numbers', async () => {
      await service.withScopes('events:read').get('/v1/events?limit=1');
      const left = await service.database.query('SELECT 1 FROM log_entries WHERE seq IS NULL LIMIT 1');
      return left.length === 0 ? await fingerprintOf(service.database) : null;
    });

  /** A few requests that ought to be refused, one after another, with the tables compared around them. */
  const alone = async () => {
    let before = await fingerprint();
    for (let count = 0; count < ALONE; count += 1) {
      const request = make(['nearly valid', 'nearly valid', 'hostile']);
      const status = await judge(request);
      if (status >= 400) {
        compared += 1;
        if (count < ALONE - 1) continue;
      }
      const after = await fingerprint();
      const isChanged = JSON.stringify(after) !== JSON.stringify(before);
      if (status >= 400 && isChanged)
        breaches.push(`refused requests changed a table: ${JSON.stringify([before, after])}`);
      before = after;
    }
  };

  /** Each edge as it stands, so that a run reaches what chance may miss. */
  const atTheEdges = async () => {
    await inParallel(world.edges.map((edge) => signed(edgeRequest(edge))));
    const send = (edge: Edge) => judge(signed(edgeRequest(edge)));
    await whileEndpointsAreFull(service.database, send);
    await sendTwice(service.database, random.pick(world.orderIds), send);
  };

  const started = performance.now();
  while (sent < requests && breaches.length < MAX_BREACHES) {
    const before = sent;
    await inParallel(
      Array.from({ length: Math.min(BATCH, requests - sent) }, () => make(['valid', 'nearly valid', 'hostile'])),
    );
    if (sent < requests) await alone();
    if (sent < requests) await atTheEdges();
    if (sent > requests / 5) memoryMb.push(await memory.megabytes());
    if (Math.floor(sent / 10_000) > Math.floor(before / 10_000))
      tell(`${sent} requests, ${memoryMb.at(-1)?.toFixed(1) ?? '-'} MB held`);
  }
  sender.close();
  memory.close();
  const seconds = (performance.now() - started) / 1_000;
  const { code } = await service.stop();
  if (code !== 0) breaches.push(`the service ended with ${code}: ${service.stderr()}`);
  return { requests: sent, seconds, byStatus, byKind, byOutcome, compared, memoryMb, breaches };
}
