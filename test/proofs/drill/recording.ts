import { setTimeout as sleep } from 'node:timers/promises';
import { readAlerts } from '../../docs/ops/files.ts';
import { metricsIn } from '../../docs/ops/promql.ts';
import type { Deployment, Member } from './deployment.ts';

/** As in ops/prometheus/prometheus.yml. */
const SCRAPE_MS = 5_000;

/** Every series at one second, by its name with labels; a process that cannot be scraped has `up` alone. */
export type Scrape = ReadonlyMap<string, number>;

export interface Recording {
  readonly scrapes: readonly Scrape[];
  /** When the first scrape began, in milliseconds since 1970. */
  readonly startedAt: number;
  /** The last scrape. */
  readonly latest: () => Scrape;
  readonly stop: () => Promise<void>;
}

const ASKED = new Set(readAlerts().flatMap(({ expr }) => metricsIn(expr).map(({ metric }) => metric)));

async function scrape({ role, ops }: Member): Promise<[string, number][]> {
  const own = `job="resolution-center",instance="${role}"`;
  try {
    const response = await fetch(`${ops}/metrics`, { signal: AbortSignal.timeout(SCRAPE_MS) });
    const lines = (await response.text()).matchAll(/^([a-z_]\w*)(?:\{([^}]*)\})? (\S+)$/gm);
    const series = [...lines]
      .filter(([, name = '', , value]) => ASKED.has(name) && Number.isFinite(Number(value)))
      .map(([, name = '', labels, value]): [string, number] => [
        `${name}{${labels ? `${labels},` : ''}${own}}`,
        Number(value),
      ]);
    return [[`up{${own}}`, 1], ...series];
  } catch {
    return [[`up{${own}}`, 0]];
  }
}

/** Scrapes api and worker at their operators' ports once a second, as Prometheus does, and keeps what the alerts ask for. */
export function record({ api, worker }: Pick<Deployment, 'api' | 'worker'>): Recording {
  const scrapes: Scrape[] = [];
  const startedAt = Date.now();
  let stopped = false;
  const run = async () => {
    while (!stopped) {
      await sleep(Math.max(0, startedAt + scrapes.length * 1_000 - Date.now()));
      const scraped = new Map((await Promise.all([scrape(api), scrape(worker)])).flat());
      // A scrape that takes longer stands for all seconds that it took.
      const seconds = Math.max(scrapes.length + 1, Math.floor((Date.now() - startedAt) / 1_000));
      while (scrapes.length < seconds) scrapes.push(scraped);
    }
  };
  const running = run();
  return {
    scrapes,
    startedAt,
    latest: () => scrapes.at(-1) ?? new Map(),
    stop: async () => {
      stopped = true;
      await running;
    },
  };
}
