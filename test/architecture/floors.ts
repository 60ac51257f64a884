import { importsOf, reachableFrom, type Sources } from './imports.ts';

/** The floors of src/, and which floors each may import besides itself. */
const FLOORS: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  platform: [],
  store: ['domain', 'platform'],
  operations: ['domain', 'platform', 'store'],
  http: ['domain', 'platform', 'store', 'operations'],
  workers: ['domain', 'platform', 'store', 'operations'],
};

/** What puts everything together, and so may import everything; nothing below imports it. */
const TOP = /^(main|run|serve|deps|banner)\.ts$|^cli\/[^/]+\.ts$/;

/** The packages that speak to Redis. */
const REDIS = ['bullmq', 'ioredis', '@bull-board/api/bullMQAdapter'];

/** Places that must work, and answer at once, when there is no Redis. */
const WITHOUT_REDIS = /^(http|operations|store)\/|^workers\/sweeper\.ts$/;

const floorOf = (path: string): string => path.split('/')[0] ?? '';

function faultOfImport(path: string, name: string, sources: Sources): string | null {
  const floor = floorOf(path);
  if (name === '?') return 'imports what only a run can tell';
  if (sources.has(name)) {
    if (TOP.test(path) || floorOf(name) === floor) return null;
    return FLOORS[floor]?.includes(floorOf(name)) ? null : `imports ${name}`;
  }
  if (name.endsWith('.ts')) return `imports ${name}, which is not in src`;
  return floor === 'domain' ? `imports ${name}: the rules need nothing` : null;
}

function faultsOf(path: string, text: string, sources: Sources): string[] {
  if (!TOP.test(path) && FLOORS[floorOf(path)] === undefined) return ['stands on no floor'];
  const faults = importsOf(path, text).flatMap((name) => faultOfImport(path, name, sources) ?? []);
  if (!WITHOUT_REDIS.test(path)) return faults;
  const reached = reachableFrom(path, sources);
  return [...faults, ...REDIS.filter((name) => reached.has(name)).map((name) => `reaches ${name}`)];
}

/** Every arrow that runs up or sideways, one line each. */
export function violationsIn(sources: Sources): string[] {
  return [...sources].flatMap(([path, text]) => faultsOf(path, text, sources).map((fault) => `${path} ${fault}`));
}
