import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onCleanup } from '../../../harness/cleanup.ts';

/** A certificate for servers on this machine or elsewhere, and the authority that has signed it: paths of PEM files. */
export interface Certificates {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

const THIS_MACHINE = 'DNS:localhost,IP:127.0.0.1';

/** Makes them with the program openssl. They are deleted at the end of the test file. */
export async function makeCertificates(names = THIS_MACHINE): Promise<Certificates> {
  const home = await mkdtemp(join(tmpdir(), 'resolution-center-tls-'));
  onCleanup(() => rm(home, { recursive: true, force: true }));
  await chmod(home, 0o755);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: home, stdio: 'pipe' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...newKey, '-days', '2', '-subj', '/CN=authority', '-keyout', 'ca.key', '-out', 'ca.pem');
  const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-days', '2', '-addext', `subjectAltName=${names}`];
  openssl(
    'req',
    '-x509',
    ...newKey,
    ...signed,
    '-subj',
    '/CN=localhost',
    '-keyout',
    'server.key',
    '-out',
    'server.pem',
  );
  const [authority, certificate, key] = ['ca.pem', 'server.pem', 'server.key'].map((name) => join(home, name));
  if (authority === undefined || certificate === undefined || key === undefined) throw new Error('no certificates');
  // The servers run as users of their own.
  await chmod(key, 0o644);
  return { authority, certificate, key };
}
