import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const ROOT = join(import.meta.dirname, '../../..');

export interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook_url: string };
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly datasource?: { readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[];
}

export interface Dashboard {
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly query: unknown }[];
  };
}

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** The alerts that operators load into Prometheus. */
export function readAlerts(): readonly Alert[] {
  const file = parse(read('ops/prometheus/alerts.yml')) as { groups: readonly { rules: readonly Alert[] }[] };
  return file.groups.flatMap(({ rules }) => rules);
}

/** The dashboard that they import into Grafana. */
export function readDashboard(): Dashboard {
  return JSON.parse(read('ops/grafana/resolution-center.json')) as Dashboard;
}

/** The pages of the runbook, by their path. */
export function readRunbook(): ReadonlyMap<string, string> {
  const names = readdirSync(join(ROOT, 'docs/runbook')).sort();
  return new Map(names.map((name) => [`docs/runbook/${name}`, read(`docs/runbook/${name}`)]));
}

/** The commands of a page that are there to be run, in order. */
export function commandsOf(page: string): { language: string; code: string }[] {
  return [...page.matchAll(/^```(sh|sql|redis)\n(.*?)^```$/gms)].map(([, language = '', code = '']) => ({
    language,
    code,
  }));
}
