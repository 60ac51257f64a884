import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { type ServiceProcess, startProcess } from '../harness/process.ts';
import { serviceDirectory } from '../harness/run/servers.ts';

const BUDGET_BYTES = 25 * 1_024;

let service: ServiceProcess;
let script: Buffer;
beforeAll(async () => {
  script = await readFile(join(serviceDirectory(), 'dist/ui/resolution-center.js'));
  service = await startProcess({ role: 'api' });
});

const ask = (path: string, headers: Record<string, string> = {}) => fetch(service.url + path, { headers });
const PLAIN = { 'accept-encoding': 'identity' };

describe('the web component', () => {
  test('is one file of at most 25 kB gzipped', () => {
    expect(gzipSync(script, { level: 9 }).length).toBeLessThanOrEqual(BUDGET_BYTES);
    expect(script.toString()).not.toMatch(/\bimport\s*["'(]|\bfrom\s*["']/);
  });

  test('carries the notice that the license of Lit asks for', () => {
    expect(script.toString()).toContain('Copyright 2017 Google LLC');
  });

  test('is served for pages of every origin, and revalidated', async () => {
    const first = await ask('/ui/resolution-center.js', PLAIN);
    expect(Object.fromEntries(first.headers)).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'x-content-type-options': 'nosniff',
      'access-control-allow-origin': '*',
      'cross-origin-resource-policy': 'cross-origin',
      'cache-control': 'no-cache',
    });
    expect(Buffer.from(await first.arrayBuffer()).equals(script)).toBe(true);
    const etag = first.headers.get('etag') ?? '';
    expect((await ask('/ui/resolution-center.js', { ...PLAIN, 'if-none-match': etag })).status).toBe(304);
    const gzipped = await ask('/ui/resolution-center.js', { 'accept-encoding': 'gzip' });
    expect(gzipped.headers.get('content-encoding')).toBe('gzip');
    expect(gzipped.headers.get('vary')).toContain('accept-encoding');
  });

  test('is immutable under the name that the manifest tells, with its integrity', async () => {
    const manifest = (await (await ask('/ui/manifest.json')).json()) as { script: string; integrity: string };
    const hashed = await ask(manifest.script, PLAIN);
    expect(hashed.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    const digest = createHash('sha384')
      .update(Buffer.from(await hashed.arrayBuffer()))
      .digest('base64');
    expect(manifest.integrity).toBe(`sha384-${digest}`);
    const other = await ask('/ui/resolution-center.0000000000000000.js');
    expect([other.status, other.headers.get('content-type')]).toEqual([404, expect.stringContaining('problem+json')]);
  });
});
