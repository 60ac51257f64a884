import type { Dispute } from '../../harness/types.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { allIsWell, askToCancel, cancelled, endOutage, refuse, type Scene, scrapes, seen } from './scene.ts';

/** Something that goes wrong, and what an operator does about it. */
export interface Incident {
  readonly name: string;
  /** The alert that must fire. */
  readonly alert: string;
  /** Breaks something; resolves when the metrics have told of it for some seconds. */
  readonly breakIt: (scene: Scene) => Promise<Broken>;
  /** What the operator does then. Resolves when all is well, with what ended it. */
  readonly respond: (scene: Scene, broken: Broken) => Promise<string>;
}

/** What was broken when, and whose orders are concerned: one party who answers, and others who stay silent. */
export interface Broken {
  /** In milliseconds since 1970. */
  readonly at: number;
  readonly answered: Dispute;
  readonly silent: readonly Dispute[];
}

async function begin(scene: Scene): Promise<Broken> {
  const [answered, ...silent] = await askToCancel(scene, 3);
  if (answered === undefined) throw new Error('no dispute was opened');
  return { at: Date.now(), answered, silent };
}

const iso = (instant: number): string => new Date(instant).toISOString();
const HOLD = /[0-9a-f]{8}-[0-9a-f-]{27}/;
const isShell = (_code: string, language: string): boolean => language === 'sh';

/** Begins a hold in the database as a page says it, and gives its id. */
async function hold({ operator }: Scene, page: string, since: number): Promise<string> {
  const output = await operator.runLine(page, /hold begin --database/, { '2026-11-23T10:00:00Z': iso(since) });
  const id = HOLD.exec(output)?.[0];
  if (id === undefined) throw new Error('the hold has no id');
  return id;
}

/** How far the metrics may be behind: the page says a minute, which in the drill is longer than a window. */
const BEHIND_MS = 10_000;

/** Waits until the deadlines of disputes are a second ago. */
async function deadlinesPass(disputes: readonly Dispute[]): Promise<void> {
  const due = Math.max(...disputes.map(({ respondBy }) => Date.parse(respondBy)));
  await waitFor('every deadline has passed', () => Date.now() > due + 1_000);
}

const redisAway: Incident = {
  name: 'Redis away',
  alert: 'RedisAway',
  breakIt: async (scene) => {
    const broken = await begin(scene);
    await scene.deployment.redis.kill(true);
    await seen(scene, 'redis_up', 0);
    return broken;
  },
  respond: async (scene, { answered, silent }) => {
    const isLook = (code: string, language: string) => language === 'sh' && !code.includes('reconcile');
    await scene.operator.follow('redis-away', isLook);
    await refuse(scene, answered);
    await cancelled(scene, silent);
    await scene.deployment.redis.start();
    await allIsWell(scene);
    await scene.operator.follow('redis-away', (code, language) => language === 'redis' || code.includes('reconcile'));
    return 'Redis came back, empty';
  },
};

const workerDead: Incident = {
  name: 'worker dead',
  alert: 'NoWorker',
  breakIt: async (scene) => {
    const broken = await begin(scene);
    await scene.deployment.worker.stop('SIGKILL');
    await refuse(scene, broken.answered);
    await seen(scene, 'workers_alive', 0);
    return broken;
  },
  respond: async (scene, { silent }) => {
    await scene.operator.follow('no-worker', () => true);
    await scene.deployment.worker.start();
    await cancelled(scene, silent);
    await scene.operator.follow('no-worker', (code) => code.includes('readyz'));
    return 'a worker was started';
  },
};

const postgresAway: Incident = {
  name: 'PostgreSQL away across deadlines',
  alert: 'PostgresAway',
  breakIt: async (scene) => {
    const broken = await begin(scene);
    const at = Date.now();
    await scene.deployment.postgres.kill();
    await seen(scene, 'postgres_up', 0);
    return { ...broken, at };
  },
  respond: async (scene, { at, answered, silent }) => {
    const { operator, recording, deployment } = scene;
    const { api, worker, postgres } = deployment;
    await operator.follow('postgres-away', isShell);
    const wasUp = recording.scrapes.findLastIndex((scrape) =>
      [...scrape].some(([name, value]) => name.startsWith('postgres_up{') && value === 1),
    );
    // A slow scrape stands for several seconds: PostgreSQL answered in the first of them.
    const answeredAt = recording.scrapes.indexOf(recording.scrapes[wasUp] ?? new Map());
    await Promise.all([api.stop('SIGTERM'), worker.stop('SIGTERM')]);
    await deadlinesPass([answered, ...silent]);
    await postgres.revive();
    const id = await hold(scene, 'postgres-away', recording.startedAt + answeredAt * 1_000 - BEHIND_MS);
    await operator.runLine('postgres-away', /hold list --database/);
    await operator.follow('postgres-away', (_code, language) => language === 'sql');
    const mendedFrom = Date.now();
    await Promise.all([api.start(), worker.start()]);
    await endOutage(scene, at, mendedFrom);
    await refuse(scene, answered);
    await operator.runLine('postgres-away', /hold release --database/, { '<id>': id });
    await cancelled(scene, silent);
    return 'a hold since the last answer, begun before the processes were started';
  },
};

const wrongSecret: Incident = {
  name: 'wrong secret',
  alert: 'PeopleCannotSignIn',
  breakIt: async (scene) => {
    const broken = await begin(scene);
    await scene.deployment.api.stop('SIGTERM');
    await scene.deployment.api.start({ AUTH_SECRET: 'a secret by which no token of theirs is signed' });
    await waitFor('tokens are refused', () =>
      [...scene.recording.latest()].some(([name, value]) => name.startsWith('auth_failures_total{') && value > 5),
    );
    await scrapes(scene.recording, 2);
    return broken;
  },
  respond: async (scene, { at, answered, silent }) => {
    const { operator, deployment } = scene;
    const id = await hold(scene, 'people-cannot-sign-in', at);
    const isMetrics = (code: string) => code.startsWith('metrics');
    await operator.follow('people-cannot-sign-in', isMetrics);
    await deadlinesPass([answered, ...silent]);
    await deployment.api.stop('SIGTERM');
    const mendedFrom = Date.now();
    await deployment.api.start();
    await endOutage(scene, at, mendedFrom);
    await refuse(scene, answered);
    await operator.follow('people-cannot-sign-in', (code) => !isMetrics(code));
    await operator.runLine('people-cannot-sign-in', /hold release/, { HOLD: id });
    await cancelled(scene, silent);
    return 'a hold since the deployment, and the secret put right';
  },
};

const apiDead: Incident = {
  name: 'every api dead',
  alert: 'NoApi',
  breakIt: async (scene) => {
    const broken = await begin(scene);
    const at = Date.now();
    await scene.deployment.api.stop('SIGKILL');
    await waitFor(
      'no api is scraped',
      () => scene.recording.latest().get('up{job="resolution-center",instance="api"}') === 0,
    );
    await scrapes(scene.recording, 5);
    return { ...broken, at };
  },
  respond: async (scene, { at, answered, silent }) => {
    const { operator, deployment } = scene;
    const id = await hold(scene, 'no-api', at);
    await operator.follow('no-api', (_code, language) => language === 'sql');
    await deadlinesPass([answered, ...silent]);
    const mendedFrom = Date.now();
    await deployment.api.start();
    await endOutage(scene, at, mendedFrom);
    await refuse(scene, answered);
    await operator.runLine('no-api', /hold release --database/, { HOLD: id });
    await cancelled(scene, silent);
    return 'a hold since the last answer, and an api was started';
  },
};

/** The incidents of the drill. */
export const INCIDENTS: readonly Incident[] = [redisAway, workerDead, postgresAway, wrongSecret, apiDead];
