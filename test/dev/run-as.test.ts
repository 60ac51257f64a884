import { describe, expect, test } from 'vitest';
import { runAs } from '../../src/dev/embedded/postgres-binaries.ts';
import { StopAsked } from '../../src/platform/shutdown.ts';

const runScript = (script: string, signal?: AbortSignal) => runAs(undefined, process.execPath, ['-e', script], signal);

describe('a program that a start runs', () => {
  test.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'])('calls the start off where %s ends it', async (signal) => {
    const script = `process.kill(process.pid, '${signal}'); setTimeout(() => {}, 10_000);`;
    await expect(runScript(script)).rejects.toThrow(StopAsked);
  });

  test('calls the start off where initdb has caught the signal', async () => {
    await expect(runScript("console.log('caught signal'); process.exit(1);")).rejects.toThrow(StopAsked);
  });

  test('rejects with its last words where it fails, and with the reason of the stop where that ended it', async () => {
    await expect(runScript("console.error('no room'); process.exit(1);")).rejects.toThrow(/^no room$/);
    await expect(runScript("process.kill(process.pid, 'SIGKILL');")).rejects.toThrow(/ended with SIGKILL$/);
    const stop = new AbortController();
    const running = runScript('setTimeout(() => {}, 10_000);', stop.signal);
    stop.abort(new Error('stopped'));
    await expect(running).rejects.toThrow('stopped');
  });
});
