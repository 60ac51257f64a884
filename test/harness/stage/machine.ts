import { execFileSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';

/** What was measured on, in a line. */
export function describeMachine(postgresVersion = ''): string {
  const [cpu] = cpus();
  const redis = /v=(\S+)/.exec(execFileSync('redis-server', ['--version'], { encoding: 'utf8' }))?.[1] ?? 'unknown';
  const parts = [
    `${cpus().length} cores (${cpu?.model.trim()})`,
    `${Math.round(totalmem() / 2 ** 30)} GiB`,
    `Node ${process.version.slice(1)}`,
    ...(postgresVersion === '' ? [] : [`PostgreSQL ${postgresVersion}`]),
    `Redis ${redis}`,
  ];
  return parts.join(', ');
}
