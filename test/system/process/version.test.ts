import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { runProgram, type ServiceProcess, startProcess } from '../../harness/process.ts';
import { seedOrder } from '../../harness/seed.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { type Collector, startCollector } from '../../platform/collector.ts';
import { LOCAL, subscribe } from '../../webhooks/endpoints.ts';
import { type Receiver, startReceiver } from '../../webhooks/receiver.ts';

const ROOT = join(import.meta.dirname, '../../..');
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

describe('the version of package.json is the one', () => {
  test('in every file that repeats it (else: node ops/version.mjs --write)', () => {
    const { stderr, status } = spawnSync(process.execPath, [join(ROOT, 'ops/version.mjs')], { encoding: 'utf8' });
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  });

  test('that the command line gives', async () => {
    const command = runProgram('cli/ops.js', ['--version'], { env: {} });
    expect(await command.exited).toMatchObject({ code: 0 });
    expect(command.stdout()).toBe(`${version}\n`);
  });

  describe('of a running service', () => {
    let collector: Collector;
    let receiver: Receiver;
    let service: ServiceProcess;
    beforeAll(async () => {
      [collector, receiver] = await Promise.all([startCollector(), startReceiver()]);
      service = await startProcess({ env: { ...LOCAL, ...collector.env } });
    });

    test('that it says at its start, at /healthz and in its document', async () => {
      expect(service.stdout()).toContain(`Resolution Center ${version} (all) listens on`);
      const health = await service.withAuthorization(null).get('/healthz');
      expect(health.body).toEqual({ status: 'ok', version });
      const document = await service.withAuthorization(null).get<{ info: { version: string } }>('/openapi.json');
      expect(document.body.info.version).toBe(version);
    });

    test('that it sends with its webhooks and its traces', async () => {
      await subscribe(service, receiver);
      const { id: orderId } = await seedOrder(service);
      await seedOrder(service, { status: 'late', revision: 2 }, orderId);
      const received = await waitFor('the webhook has come', () => receiver.received[0]);
      expect(received.headers['user-agent']).toBe(`resolution-center/${version}`);
      const span = await waitFor('a span has come', () => collector.spans[0]);
      expect(span.version).toBe(version);
    });
  });
});
