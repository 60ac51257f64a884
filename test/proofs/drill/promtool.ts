import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { readAlerts } from '../../docs/ops/files.ts';

const RULES = join(import.meta.dirname, '../../../ops/prometheus/alerts.yml');
const EVALUATED_EVERY = 15;

/** An alert that fires, and when in the replay. */
export interface Fired {
  readonly alert: string;
  readonly severity: string;
  readonly summary: string;
  readonly runbook: string;
  /** The seconds of the replay at which it fires, each fifteen seconds. */
  readonly at: readonly number[];
}

const secondsOf = (duration: string): number =>
  [...duration.matchAll(/(\d+)([hms])/g)].reduce(
    (sum, [, n, unit]) => sum + Number(n) * ({ h: 3_600, m: 60 }[unit ?? ''] ?? 1),
    0,
  );

/** Has promtool evaluate the rules of ops/prometheus on series of one value a second. */
export function firingAlerts(series: readonly { series: string; values: string }[], seconds: number): Fired[] {
  const times = Array.from({ length: Math.floor(seconds / EVALUATED_EVERY) }, (_, n) => (n + 1) * EVALUATED_EVERY);
  const alerts = readAlerts();
  // None is expected, so that promtool names each that fires.
  const alert_rule_test = times.flatMap((time) =>
    alerts.map(({ alert }) => ({ eval_time: `${time}s`, alertname: alert })),
  );
  const test = { interval: '1s', input_series: series, alert_rule_test };
  const directory = mkdtempSync(join(tmpdir(), 'resolution-center-promtool-'));
  try {
    const file = join(directory, 'drill.test.yml');
    const evaluation_interval = `${EVALUATED_EVERY}s`;
    writeFileSync(file, stringify({ rule_files: [RULES], evaluation_interval, tests: [test] }));
    const { stdout, stderr, error } = spawnSync('promtool', ['test', 'rules', file], {
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    if (error !== undefined) throw error;
    const said = stdout + stderr;
    if (!/SUCCESS|alertname: \w+, time: /.test(said)) throw new Error(`promtool: ${said.slice(0, 2_000)}`);
    return alerts.flatMap(({ alert, labels, annotations }) => {
      const failures = [
        ...said.matchAll(new RegExp(`alertname: ${alert}, time: (\\w+),[\\s\\S]*?summary="([^"]*)"`, 'g')),
      ];
      if (failures.length === 0) return [];
      const at = failures.map(([, time = '']) => secondsOf(time));
      const summary = failures[0]?.[2] ?? '';
      return [{ alert, severity: labels.severity, summary, runbook: annotations.runbook_url, at }];
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
