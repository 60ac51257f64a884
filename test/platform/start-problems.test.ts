import { statSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { ROOT } from '../../src/platform/root.ts';
import { withAdvice } from '../../src/platform/start-problems.ts';
import { onCleanup } from '../harness/cleanup.ts';

const denied = (path: string) =>
  Object.assign(new Error(`EACCES: permission denied, open '${path}'`), { code: 'EACCES', path });

/** Looks at files as a user who owns none of them. */
function beAnotherUser(): number {
  const uid = statSync(ROOT).uid + 4_711;
  const getuid = vi.spyOn(process, 'getuid').mockReturnValue(uid);
  onCleanup(async () => getuid.mockRestore());
  return uid;
}

describe('a file that belongs to another user', () => {
  test('is told of with its owner and the command that gives back its part of the checkout', () => {
    const owner = statSync(ROOT).uid;
    const uid = beAnotherUser();
    const part = join(ROOT, 'docs');
    const line = withAdvice(denied(join(part, 'bench/no-such-file')));
    expect(line).toMatch(/^EACCES: permission denied, open '.*'; /);
    expect(line).toContain(`${part} belongs to ${owner === 0 ? 'root' : ''}`);
    expect(line).toMatch(new RegExp(`"sudo chown -R ${uid} ${part}"$`));
    const elsewhere = dirname(ROOT);
    expect(withAdvice(denied(elsewhere))).toContain(`"sudo chown -R ${uid} ${elsewhere}"`);
  });

  test('is told of with the command that opens it where its permissions close it, as umask 077 does', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'closed-'));
    onCleanup(() => rm(directory, { recursive: true }));
    const file = join(directory, '0001_release.sql');
    await writeFile(file, '', { mode: 0o600 });
    beAnotherUser();
    expect(withAdvice(denied(file))).toMatch(new RegExp(`"sudo chmod -R go\\+rX ${file}"$`));
    await chmod(file, 0o644);
    expect(withAdvice(denied(file))).toContain('sudo chown');
  });

  test('is only called denied where it belongs to this user', () => {
    vi.restoreAllMocks();
    expect(withAdvice(denied(join(ROOT, 'package.json')))).toMatch(/; start as the user that may use it/);
  });
});
