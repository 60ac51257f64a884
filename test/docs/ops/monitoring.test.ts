import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { seedDispute } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { readAlerts, readDashboard } from './files.ts';
import { type Asked, metricsIn } from './promql.ts';

const run = promisify(execFile);
const alerts = readAlerts();
const dashboard = readDashboard();

/** What Prometheus itself adds, to every series or as one. */
const OF_PROMETHEUS = { metric: 'up', labels: ['job', 'instance'] };

let service: Service;
/** The names that a scrape has, and the labels of each. */
let exported: ReadonlyMap<string, ReadonlySet<string>>;

function namesIn(scrape: string): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const [, name = '', labels = ''] of scrape.matchAll(/^([a-z_]\w*)(?:\{([^}]*)\})? \S+$/gm)) {
    const names = [...labels.matchAll(/(\w+)="/g)].map(([, label = '']) => label);
    found.set(name, new Set([...(found.get(name) ?? []), ...names]));
  }
  // What has not happened yet has a type and no samples.
  for (const [, name = '', type] of scrape.matchAll(/^# TYPE (\w+) (\w+)$/gm)) {
    const parts = type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    for (const part of parts) if (!found.has(name + part)) found.set(name + part, new Set(['?']));
  }
  return found;
}

function faultsOf({ metric, labels }: Asked): string[] {
  if (metric === OF_PROMETHEUS.metric) return [];
  const known = exported.get(metric);
  if (known === undefined) return [`${metric} is not exported`];
  if (known.has('?')) return [];
  const strange = labels.filter((label) => !known.has(label) && !OF_PROMETHEUS.labels.includes(label));
  return strange.map((label) => `${metric} has no label ${label}`);
}

beforeAll(async () => {
  service = await startService({ role: 'all', env: { WINDOW_CANCELLATION: 'PT1S' } });
  await seedDispute(service, 'cancellation');
  const scrape = async () => (await service.withAuthorization(null).get('/metrics')).text;
  const text = await waitFor('a deadline has taken effect, and the queue is counted', async () => {
    const scraped = await scrape();
    return /^deadline_lateness_seconds_count\S+ [1-9]/m.test(scraped) && /^queue_jobs/m.test(scraped) && scraped;
  });
  exported = namesIn(text);
});

describe('the names that are asked for are read', () => {
  test('off an expression', () => {
    const expression =
      'sum by (type, le) (rate(a_total{job="x", status=~"5.."}[5m])) / on (job) max(b) > 0.01 and absent(c_seconds offset 15m)';
    expect(metricsIn(expression)).toEqual([
      { metric: 'a_total', labels: ['job', 'status', 'type', 'job'] },
      { metric: 'b', labels: ['type', 'job'] },
      { metric: 'c_seconds', labels: ['type', 'job'] },
    ]);
  });

  test('and one that is not exported is found, as is a label that it does not have', () => {
    const faults = metricsIn('max(no_such_metric) > rate(deadline_lateness_seconds_count{dispute="x"}[5m])').flatMap(
      faultsOf,
    );
    expect(faults).toEqual(['no_such_metric is not exported', 'deadline_lateness_seconds_count has no label dispute']);
  });
});

describe('the alerts', () => {
  test('ask only for what a service exports', () => {
    expect(alerts.flatMap(({ expr }) => metricsIn(expr)).flatMap(faultsOf)).toEqual([]);
  });

  test('ask only for the metrics of our job, since others have the same names', () => {
    const elsewhere = alerts.filter(({ expr }) => metricsIn(expr).some(({ labels }) => !labels.includes('job')));
    expect(elsewhere.map(({ alert }) => alert)).toEqual([]);
  });

  test('page an operator or open a ticket, and say what is the case', () => {
    for (const { alert, labels, annotations } of alerts) {
      expect([alert, labels.severity]).toEqual([alert, expect.stringMatching(/^(page|ticket)$/)]);
      expect([alert, annotations.summary]).toEqual([alert, expect.stringMatching(/\.$/)]);
    }
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
  });

  test('are good Prometheus, and fire when they should, wherever promtool can say so', async () => {
    const { stdout } = await run(process.execPath, [join(import.meta.dirname, '../../../ops/check-alerts.mjs')]);
    expect(stdout).toMatch(/SUCCESS[\s\S]*SUCCESS[\s\S]*SUCCESS|^skipped: there is no promtool/);
  });
});

describe('the dashboard', () => {
  const targets = dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map((target) => ({ title, ...target })),
  );

  test('asks only for what a service exports', () => {
    expect(targets.length).toBeGreaterThan(20);
    expect(targets.flatMap(({ expr }) => metricsIn(expr)).flatMap(faultsOf)).toEqual([]);
  });

  test('asks the source and for the job that its reader chooses', () => {
    expect(dashboard.templating.list.map(({ name, type }) => [name, type])).toEqual([
      ['datasource', 'datasource'],
      ['job', 'query'],
    ]);
    for (const { title, expr, datasource } of targets) {
      expect([title, datasource.uid]).toEqual([title, '$' + '{datasource}']);
      expect([title, metricsIn(expr).every(({ labels }) => labels.includes('job'))]).toEqual([title, true]);
    }
  });

  test('has room for each panel, and one id for each', () => {
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    const taken = new Map<string, string>();
    for (const { title, gridPos } of dashboard.panels) {
      expect([title, gridPos.x + gridPos.w <= 24]).toEqual([title, true]);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect([title, taken.get(`${x} ${y}`)]).toEqual([title, undefined]);
          taken.set(`${x} ${y}`, title);
        }
      }
    }
  });

  test('shows every metric of ours', () => {
    const shown = new Set(targets.flatMap(({ expr }) => metricsIn(expr)).map(({ metric }) => metric));
    const ours = [...exported.keys()].filter((name) => !/^(process|nodejs)_|_(bucket|sum)$/.test(name));
    expect(ours.filter((name) => !shown.has(name) && !shown.has(name.replace(/_count$/, '_bucket')))).toEqual([]);
  });
});
