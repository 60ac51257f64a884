import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Random } from './random.ts';
import { hasProgram, type Instance, type Stage } from './stage.ts';

/** What has been staged, and when. */
export interface Staged {
  readonly kind: string;
  readonly from: number;
  readonly until: number;
}

/** What a fault may need, and where it writes down what the judgement has to know. */
export interface Scene {
  readonly stage: Stage;
  readonly random: Random;
  /** Times in which PostgreSQL itself was away: lateness counts from its return. */
  readonly outages: { from: number; until: number }[];
  /** Disputes and orders that a fault was aimed at: they may be late as long as it lasted. */
  readonly targeted: { id: string; until: number }[];
  readonly exits: { ms: number; code: number | null }[];
  readonly herd: (count: number) => Promise<void>;
}

export interface Fault {
  readonly kind: string;
  /** Its number in the table of faults in docs/reliability.md. */
  readonly number: string;
  readonly mustHold: string;
  readonly run: (scene: Scene) => Promise<void>;
}

async function withRedis(stage: Stage, work: (redis: Redis) => Promise<unknown>): Promise<void> {
  const redis = new Redis({
    port: stage.redisPort,
    commandTimeout: 2_000,
    maxRetriesPerRequest: 1,
    retryStrategy: () => null,
  });
  redis.on('error', () => {});
  await work(redis).catch(() => {});
  redis.disconnect();
}

async function killAndRestart({ stage, random }: Scene, instance: Instance): Promise<void> {
  await stage.end(instance, 'SIGKILL');
  await sleep(random.int(100, 1_500));
  await stage.start(instance);
}

const REDIS_FAULTS: readonly Fault[] = [
  {
    kind: 'Redis: FLUSHALL',
    number: 'F1',
    mustHold: 'no deadline lost; the sweeper fires them, the relay makes the jobs again',
    run: ({ stage }) => withRedis(stage, (redis) => redis.flushall()),
  },
  {
    kind: 'Redis: SIGKILL, files lost',
    number: 'F2',
    mustHold: 'the same, and no request fails for it',
    run: async ({ stage, random }) => {
      await stage.killRedis(true);
      await sleep(random.int(500, 3_000));
      await stage.startRedis();
    },
  },
  {
    kind: 'Redis: away for seconds',
    number: 'F3',
    mustHold: 'deadlines fire by the sweeper; workers consume again after its return',
    run: async ({ stage, random }) => {
      await stage.killRedis(false);
      await sleep(random.int(4_000, 8_000));
      await stage.startRedis();
    },
  },
  {
    kind: 'Redis: SIGSTOP',
    number: 'F4',
    mustHold: 'the same with a Redis that accepts and does not answer',
    run: async ({ stage, random }) => {
      stage.signalRedis('SIGSTOP');
      await sleep(random.int(500, 5_000));
      stage.signalRedis('SIGCONT');
    },
  },
  {
    kind: 'Redis: out of memory',
    number: 'F5',
    mustHold: 'jobs are refused, requests are not; deadlines fire',
    run: async ({ stage, random }) => {
      await withRedis(stage, (redis) => redis.config('SET', 'maxmemory', '1mb'));
      await sleep(random.int(1_000, 3_000));
      await withRedis(stage, (redis) => redis.config('SET', 'maxmemory', '0'));
    },
  },
];

const PROCESS_FAULTS: readonly Fault[] = [
  {
    kind: 'worker: SIGKILL',
    number: 'F6',
    mustHold: 'one effect for each deadline, by the other worker or the sweeper',
    run: (scene) => killAndRestart(scene, scene.random.pick(scene.stage.workers)),
  },
  {
    kind: 'worker: SIGSTOP',
    number: 'F7',
    mustHold: 'one effect; a lock in frozen hands is freed',
    run: async ({ stage, random }) => {
      const { child } = random.pick(stage.workers);
      child.kill('SIGSTOP');
      await sleep(random.int(500, 6_000));
      child.kill('SIGCONT');
    },
  },
  {
    kind: 'everybody nominates at once',
    number: 'F8',
    mustHold: 'one effect, one log entry',
    run: async ({ stage, random }) => {
      await Promise.all(
        Array.from({ length: 4 }, () =>
          fetch(`${random.pick(stage.apis).url}/v1/disputes?status=open`, { signal: AbortSignal.timeout(3_000) }).catch(
            () => {},
          ),
        ),
      );
    },
  },
  {
    kind: 'api: SIGKILL',
    number: 'F9',
    mustHold: 'what was answered is kept; a retry with its key finds what was done',
    run: (scene) => killAndRestart(scene, scene.random.pick(scene.stage.apis)),
  },
  {
    kind: "worker: host's clock off by an hour",
    number: 'F12',
    mustHold: 'nothing early; the sweeper fires what the jobs are late for',
    run: async (scene) => {
      const { stage, random } = scene;
      if (!hasProgram('faketime')) return;
      const worker = random.pick(stage.workers);
      await stage.end(worker, 'SIGKILL');
      worker.skew = random.pick(['+3600s', '-3600s']);
      await stage.start(worker);
      await sleep(random.int(1_000, 3_000));
      await stage.end(worker, 'SIGKILL');
      worker.skew = '';
      await stage.start(worker);
    },
  },
  {
    kind: 'rolling restart: SIGTERM',
    number: 'F20',
    mustHold: 'each exit within ten seconds, nothing late',
    run: async ({ stage, random, exits }) => {
      const instance = random.pick([...stage.apis, ...stage.workers]);
      exits.push(await stage.end(instance, 'SIGTERM'));
      await stage.start(instance);
    },
  },
];

async function terminate(stage: Stage, condition: string): Promise<void> {
  await stage.admin.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE application_name LIKE 'resolution-center %' AND pid <> pg_backend_pid() AND ${condition}`,
  );
}

/** The fault in which an answer of 500 is what has to be. */
export const POISON = 'a row that cannot be written';

const POSTGRES_FAULTS: readonly Fault[] = [
  {
    kind: 'Postgres: all connections terminated',
    number: 'F10',
    mustHold: 'no effect by halves; acknowledged is kept; unknown is resolved by the key',
    run: ({ stage }) => terminate(stage, 'true'),
  },
  {
    kind: 'Postgres: crash and restart',
    number: 'F10',
    mustHold: 'the same; all that is due fires after its return',
    run: async ({ stage, random, outages }) => {
      const from = Date.now();
      await stage.crashPostgres(random.int(0, 1_000));
      outages.push({ from, until: Date.now() });
    },
  },
  {
    kind: 'Postgres: idle connections terminated again and again',
    number: 'F11',
    mustHold: 'the pool recovers',
    run: async ({ stage }) => {
      for (let n = 0; n < 10; n += 1) {
        await terminate(stage, "state = 'idle'");
        await sleep(50);
      }
    },
  },
  {
    kind: POISON,
    number: 'F14',
    mustHold: 'the others fire; this one fires when it can be written',
    run: async ({ stage, random, targeted }) => {
      const { rows } = await stage.admin.query<{ id: string }>(
        "SELECT id FROM disputes WHERE status = 'open' ORDER BY respond_by LIMIT 1",
      );
      const id = rows[0]?.id;
      if (id === undefined) return;
      await stage.admin.query(`CREATE OR REPLACE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'poison'; END $$`);
      await stage.admin.query(`CREATE OR REPLACE TRIGGER poison BEFORE UPDATE ON disputes FOR EACH ROW
        WHEN (NEW.id = '${id}') EXECUTE FUNCTION poison()`);
      await sleep(random.int(1_000, 4_000));
      await stage.admin.query('DROP TRIGGER poison ON disputes');
      // It is tried again with a growing distance, which is what keeps it out of the others' way.
      targeted.push({ id, until: Date.now() + 20_000 });
    },
  },
  {
    kind: 'a lock held for seconds',
    number: 'F22',
    mustHold: 'a bounded wait and 503 for this order, nothing for the others',
    run: async ({ stage, random, targeted }) => {
      const client = await stage.admin.connect();
      try {
        await client.query('BEGIN');
        const { rows } = await client.query<{ id: string; order_id: string }>(
          `SELECT d.id, d.order_id FROM disputes d WHERE d.status = 'open' ORDER BY d.respond_by LIMIT 1`,
        );
        const [row] = rows;
        if (row === undefined) return;
        await client.query('SELECT 1 FROM orders WHERE id = $1 FOR UPDATE', [row.order_id]);
        await sleep(random.int(1_000, 5_000));
        targeted.push({ id: row.id, until: Date.now() });
      } finally {
        await client.query('ROLLBACK').catch(() => {});
        client.release();
      }
    },
  },
  {
    kind: 'a herd: hundreds due in the same instant',
    number: 'F19',
    mustHold: 'all fire within seconds',
    run: async ({ herd, random }) => {
      await herd(random.int(600, 1_200));
      await sleep(1_000);
    },
  },
];

const HUGE_QUEUE: Fault = {
  kind: 'Redis: thousands of orphaned jobs',
  number: 'F23',
  mustHold: 'Redis answers throughout; reconciliation takes them away',
  run: async ({ stage, random }) => {
    await withRedis(stage, async (redis) => {
      const pipeline = redis.pipeline();
      const prefix = '{resolution-center}:deadlines';
      for (let n = 0; n < 2_000; n += 1) {
        const id = `deadline-00000000-0000-7000-8000-${String(random.int(0, 999_999_999)).padStart(12, '0')}-1`;
        pipeline.hset(`${prefix}:${id}`, { name: 'deadline', data: '{}', opts: '{}', timestamp: 1, delay: 1 });
        pipeline.zadd(`${prefix}:delayed`, (Date.now() + 86_400_000) * 4_096, id);
      }
      await pipeline.exec();
    });
  },
};

/** One fault of each lane at a time: what goes wrong with Redis, with our processes, and with PostgreSQL. */
export const LANES: readonly (readonly Fault[])[] = [[...REDIS_FAULTS, HUGE_QUEUE], PROCESS_FAULTS, POSTGRES_FAULTS];
