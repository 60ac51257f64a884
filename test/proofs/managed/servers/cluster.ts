import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from '../../../../src/dev/embedded/processes.ts';
import { onCleanup } from '../../../harness/cleanup.ts';
import { TEST_PREFIX } from '../../../harness/prefix.ts';
import { waitFor } from '../../../harness/wait-for.ts';
import { followsItsMaster } from './failover.ts';

const SLOTS = 16_384;
const MASTERS = 3;
const HOST = '127.0.0.1';

/** A Redis Cluster of three masters with a replica each. */
export interface RedisCluster {
  /** As the service is given it. */
  readonly url: string;
  /** Kills the master that has the queue. */
  readonly killOwner: () => void;
  /** Waits until one of the replicas has taken its place. */
  readonly failedOver: () => Promise<void>;
  /** Takes a slot away from the masters, so that the cluster is down, and waits until every node says so. */
  readonly takeDown: () => Promise<void>;
  /** Gives it back, and waits until every node says that the cluster is whole. */
  readonly makeWhole: () => Promise<void>;
  /** Sets what one master does when it is full. */
  readonly setEvictionPolicy: (policy: string) => Promise<void>;
}

interface Node {
  readonly port: number;
  readonly busPort: number;
  readonly child: ChildProcess;
  readonly redis: Redis;
}

async function startNode(home: string): Promise<Node> {
  const [port, busPort] = [await freePort(), await freePort()];
  const options = {
    port,
    bind: HOST,
    dir: home,
    save: '',
    'maxmemory-policy': 'noeviction',
    'cluster-enabled': 'yes',
    'cluster-port': busPort,
    'cluster-config-file': `nodes-${port}.conf`,
    'cluster-node-timeout': 1_000,
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn('redis-server', args, { stdio: 'ignore', cwd: home });
  const redis = new Redis(port, HOST, { maxRetriesPerRequest: null, retryStrategy: () => 100 });
  redis.on('error', () => {});
  await redis.ping();
  return { port, busPort, child, redis };
}

const idOf = async ({ redis }: Node) => String(await redis.cluster('MYID'));

const says =
  (...facts: readonly string[]) =>
  async ({ redis }: Node): Promise<boolean> => {
    const info = String(await redis.cluster('INFO'));
    return facts.every((fact) => info.includes(fact));
  };
const isWhole = (count: number) => says('cluster_state:ok', `cluster_known_nodes:${count}`);
const isDown = says('cluster_state:fail');

function saysThatItIsUnassigned(error: unknown): void {
  if (!String(error).includes('already unassigned')) throw error;
}

async function all(nodes: readonly Node[], what: string, ask: (node: Node) => Promise<boolean>): Promise<void> {
  await Promise.all(nodes.map((node) => waitFor(what, () => ask(node))));
}

/** Starts the six, each on ports of its own. They are killed at the end of the test file. */
export async function startCluster(): Promise<RedisCluster> {
  const home = await mkdtemp(join(tmpdir(), 'resolution-center-cluster-'));
  await chmod(home, 0o755);
  const nodes: Node[] = [];
  onCleanup(async () => {
    for (const { child, redis } of nodes) {
      redis.disconnect();
      child.kill('SIGKILL');
    }
    await rm(home, { recursive: true, force: true });
  });
  for (let n = 0; n < 2 * MASTERS; n += 1) nodes.push(await startNode(home));
  const masters = nodes.slice(0, MASTERS);
  const [first] = nodes;
  if (first === undefined) throw new Error('there is no node');
  const lowest = (n: number) => Math.floor((n * SLOTS) / MASTERS);
  for (const [n, { redis }] of masters.entries()) {
    await redis.cluster('SET-CONFIG-EPOCH', n + 1);
    await redis.cluster('ADDSLOTSRANGE', lowest(n), lowest(n + 1) - 1);
  }
  for (const { port, busPort } of nodes.slice(1)) await first.redis.call('CLUSTER', 'MEET', HOST, port, busPort);
  await all(nodes, 'the nodes have met', isWhole(nodes.length));
  const replicas = nodes.slice(MASTERS);
  for (const [n, replica] of replicas.entries()) {
    await replica.redis.cluster('REPLICATE', await idOf(masters[n] ?? first));
  }
  await all(replicas, 'it follows its master', ({ redis }) => followsItsMaster(redis));
  const slot = Number(await first.redis.cluster('KEYSLOT', TEST_PREFIX));
  const owner = masters.findIndex((_master, n) => slot < lowest(n + 1));
  return {
    url: `redis://${HOST}:${first.port}?cluster=true&nodes=${nodes.map(({ port }) => `${HOST}:${port}`).join(',')}`,
    killOwner: () => void masters[owner]?.child.kill('SIGKILL'),
    failedOver: async () => {
      const heir = replicas[owner] ?? first;
      await waitFor(
        'the replica is the master',
        async () => /role:master/.test(await heir.redis.info('replication')),
        20_000,
      );
    },
    takeDown: async () => {
      // A packet that the slot's owner sent before it let the slot go gives the slot back to a node that had dropped it, and
      // no later packet takes it away from there. So each node drops the slot again until it says that the cluster is down.
      await all([...nodes].reverse(), 'the cluster is down', async (node) => {
        if (await isDown(node)) return true;
        await node.redis.cluster('DELSLOTS', SLOTS - 1).catch(saysThatItIsUnassigned);
        return false;
      });
    },
    makeWhole: async () => {
      await masters.at(-1)?.redis.cluster('ADDSLOTS', SLOTS - 1);
      await all(nodes, 'the cluster is whole', isWhole(nodes.length));
    },
    setEvictionPolicy: async (policy) => {
      await masters.at(-1)?.redis.config('SET', 'maxmemory-policy', policy);
    },
  };
}
