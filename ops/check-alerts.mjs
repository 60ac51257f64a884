// Checks what operators load into Prometheus, and tries the alerts on series that are made up.
//   node ops/check-alerts.mjs
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const cwd = join(import.meta.dirname, 'prometheus');
const CHECKS = [
  ['check', 'rules', 'alerts.yml'],
  ['check', 'config', 'prometheus.yml'],
  ['test', 'rules', 'alerts.test.yml'],
];

for (const check of CHECKS) {
  const { error, status } = spawnSync('promtool', check, { cwd, stdio: 'inherit' });
  if (error?.code === 'ENOENT') {
    process.stdout.write('skipped: there is no promtool on this machine; Debian has it in the package prometheus\n');
    break;
  }
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(1);
}
