import { posix } from 'node:path';
import { importsOf, reachableFrom, type Sources } from './imports.ts';

/** The folders of src/, and which folders each may import besides itself. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  platform: [],
  dev: ['platform'],
  store: ['domain', 'platform'],
  application: ['domain', 'platform', 'store'],
  metrics: ['domain', 'platform', 'store', 'application'],
  http: ['domain', 'platform', 'application', 'metrics'],
  workers: ['domain', 'platform', 'application', 'metrics'],
};

/** Vertical slices: each may import every layer, and no other slice; only the composition root imports a slice. */
const SLICES = ['webhooks', 'statistics', 'erasures'];
const BELOW_SLICES = ['domain', 'platform', 'store', 'application', 'metrics', 'http', 'workers'];

/** Routes: they call use cases, and neither queries nor transactions. */
const ROUTES = /^(http\/routes|(webhooks|statistics|erasures)\/http)\//;
const NOT_FOR_ROUTES = /^(store|platform\/postgres|(webhooks|statistics|erasures)\/store)[/.]/;

/** The composition root and the entry points, which may import everything; nothing else imports them. */
const TOP = /^(main|run|serve|deps|endpoints)\.ts$|^cli\/.+\.ts$/;

/** The packages that speak to Redis. */
const REDIS = ['bullmq', 'ioredis', '@bull-board/api/bullMQAdapter'];

/** Places that must work, and answer at once, when there is no Redis. */
const WITHOUT_REDIS = /^(http|application|store)\/|^workers\/sweeper\.ts$/;

const folderOf = (path: string): string => path.split('/')[0] ?? '';

const allowedFor = (folder: string): readonly string[] | undefined =>
  SLICES.includes(folder) ? BELOW_SLICES : LAYERS[folder];

function faultOfImport(path: string, name: string, sources: Sources): string | null {
  const folder = folderOf(path);
  if (name === '?') return 'imports what only a run can tell';
  if (sources.has(name)) {
    if (ROUTES.test(path) && NOT_FOR_ROUTES.test(name)) return `imports ${name}`;
    if (TOP.test(path) || folderOf(name) === folder) return null;
    return allowedFor(folder)?.includes(folderOf(name)) ? null : `imports ${name}`;
  }
  if (name.endsWith('.ts')) return `imports ${name}, which is not in src`;
  return folder === 'domain' ? `imports ${name}: the rules need nothing` : null;
}

function faultsOf(path: string, text: string, sources: Sources): string[] {
  if (!TOP.test(path) && allowedFor(folderOf(path)) === undefined) return ['is in no folder of the architecture'];
  const faults = importsOf(path, text).flatMap((name) => faultOfImport(path, name, sources) ?? []);
  if (!WITHOUT_REDIS.test(path)) return faults;
  const reached = reachableFrom(path, sources);
  return [...faults, ...REDIS.filter((name) => reached.has(name)).map((name) => `reaches ${name}`)];
}

/** Every arrow that runs up or sideways, one line each. */
export function violationsIn(sources: Sources): string[] {
  return [...sources].flatMap(([path, text]) => faultsOf(path, text, sources).map((fault) => `${path} ${fault}`));
}

const FILES_AT_MOST = 15;

/** Folders of src with more files directly in them than one look takes in. */
export function crowdedFoldersIn(sources: Sources): string[] {
  const counts = new Map<string, number>();
  for (const path of sources.keys()) counts.set(posix.dirname(path), (counts.get(posix.dirname(path)) ?? 0) + 1);
  return [...counts].flatMap(([folder, count]) => (count > FILES_AT_MOST ? [`${folder} has ${count} files`] : []));
}
