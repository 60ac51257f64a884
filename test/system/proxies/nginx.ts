import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../../src/dev/embedded/processes.ts';
import { blocks } from '../../docs/readme.ts';
import { onCleanup } from '../../harness/cleanup.ts';
import { waitFor } from '../../harness/wait-for.ts';

const PROGRAM = '/usr/sbin/nginx';
const DOCS = join(import.meta.dirname, '../../../docs/proxies.md');

/** Whether this machine has nginx: Debian's package nginx. */
export const hasNginx = existsSync(PROGRAM);

/** The configuration of the docs, with other addresses. */
function documented(servicePort: string, port: number): string {
  const code = blocks(readFileSync(DOCS, 'utf8')).find(({ language }) => language === 'nginx')?.code;
  const addressed = code
    ?.replace('server 127.0.0.1:3000;', `server 127.0.0.1:${servicePort};`)
    .replace('listen 8080;', `listen 127.0.0.1:${port};`);
  if (addressed === undefined || addressed === code) throw new Error('docs/proxies.md has no configuration of nginx');
  return addressed;
}

const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];

/** Puts an nginx as in docs/proxies.md in front of a service, and says where it is. */
export async function startNginx(serviceUrl: string): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'resolution-center-nginx-'));
  const port = await freePort();
  const file = join(home, 'nginx.conf');
  await writeFile(
    file,
    `daemon off;
master_process off;
pid ${home}/pid;
events {}
http {
access_log off;
${TEMPORARY.map((name) => `${name}_temp_path ${home}/${name};`).join('\n')}
${documented(new URL(serviceUrl).port, port)}}
`,
  );
  const child = spawn(PROGRAM, ['-p', home, '-e', 'stderr', '-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  onCleanup(async () => {
    child.kill('SIGKILL');
    await rm(home, { recursive: true, force: true });
  });
  const url = `http://127.0.0.1:${port}`;
  await waitFor('nginx answers', async () => {
    if (child.exitCode !== null) throw new Error(`nginx ended: ${said}`);
    const answer = await fetch(`${url}/healthz`).catch(() => undefined);
    return answer?.ok === true;
  });
  return url;
}
