import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { mintToken } from '../../src/dev/development.ts';
import { freePort } from '../../src/dev/embedded/processes.ts';
import { takeWalk } from '../docs/walk.ts';
import { openStream } from '../harness/api/event-stream.ts';
import { fetchFrom } from '../harness/api/transport.ts';
import { createClients } from '../harness/client.ts';
import { copyCheckout } from '../harness/programs/checkout.ts';
import { processesOf } from '../harness/programs/left-behind.ts';
import { CTRL_C, openTerminal } from '../harness/programs/terminal.ts';
import { CLIENT, seedDispute, seedOrder } from '../harness/seed.ts';
import { hasProgram } from '../harness/stage/programs.ts';
import { waitFor } from '../harness/wait-for.ts';
import { subscribe } from '../webhooks/endpoints.ts';
import { startReceiver } from '../webhooks/receiver.ts';

// A skipped test says why: `script` makes the pseudo-terminal.
const inTerminal = process.platform === 'linux' && hasProgram('script') ? describe : describe.skip;

inTerminal('npm start of a clean checkout, in a terminal (needs Linux and script)', () => {
  test('builds, serves the walk of the README, webhooks and streams, and ends on Ctrl-C with all that it started', async () => {
    const cwd = await copyCheckout();
    await rm(join(cwd, 'dist'), { recursive: true });
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const terminal = openTerminal('npm start', {
      cwd,
      env: { PORT: String(port), WEBHOOK_ALLOW_INSECURE: 'true' },
    });
    await terminal.shows(/Building/);
    await terminal.shows(/listens on/);

    const secret = (await readFile(join(cwd, '.data/auth-secret'), 'utf8')).trim();
    const service = createClients(fetchFrom(url), secret);
    const receiver = await startReceiver();
    await subscribe(service, receiver);
    const { printed, promised } = await takeWalk(url, cwd, {});
    expect(printed).toEqual(promised);
    // The receiver verifies signatures with `standardwebhooks`, and keeps apart what it refused.
    await waitFor('a webhook tells of the walk', () =>
      receiver.received.some(({ message }) => message.type === 'dispute.accepted'),
    );
    expect(receiver.refused).toEqual([]);

    const { id: orderId } = await seedOrder(service);
    const authorization = `Bearer ${await mintToken(secret, { sub: CLIENT })}`;
    const stream = await openStream(url, orderId, { sub: CLIENT, headers: { authorization } });
    expect((await stream.next())?.event).toBe('ready');
    await seedDispute(service, 'cancellation', { orderId });
    expect((await stream.next())?.event).toBe('dispute.opened');
    expect((await stream.next())?.event).toBe('order.status_changed');

    terminal.press(CTRL_C);
    expect(await stream.next()).toMatchObject({ event: 'end', data: { reason: 'shutdown' } });
    expect(await stream.next()).toBeNull();
    expect([0, 130]).toContain(await terminal.exited);
    expect(await processesOf(cwd)).toEqual([]);
    // Neither a warning nor an error: nothing is wrong with such a start.
    expect(terminal.screen()).not.toMatch(/"level":[456]0/);
  });
});
