import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { developmentSecret, developmentWebhookKey } from '../../src/dev/development-secrets.ts';
import { startEmbedded } from '../../src/dev/embedded/servers.ts';
import { dataDirectory, listen } from './embedded-directory.ts';

describe.each([
  ['auth-secret', developmentSecret, 'delete the file and start again'],
  ['webhook-key', developmentWebhookKey, 'restore the file, or delete it and start again'],
])('the file %s', (name, read: (dataDir: string) => Promise<unknown>, advice) => {
  test('is made once, whole, for its owner only, also by several processes at once', async () => {
    const dataDir = join(await dataDirectory(), 'new');
    const [first, ...others] = await Promise.all(Array.from({ length: 20 }, () => read(dataDir)));
    for (const other of others) expect(other).toEqual(first);
    expect(await read(dataDir)).toEqual(first);
    expect(await readdir(dataDir)).toEqual([name]);
    expect((await stat(join(dataDir, name))).mode & 0o777).toBe(0o600);
  });

  test.each(['', '\n', 'short', 'cut'])(
    'is refused by its name and with what to do when it was damaged (%j)',
    async (damage) => {
      const dataDir = await dataDirectory();
      await read(dataDir);
      const file = join(dataDir, name);
      const whole = await readFile(file, 'utf8');
      await writeFile(file, damage === 'cut' ? whole.slice(0, -1) : damage);
      await expect(read(dataDir)).rejects.toThrow(new RegExp(`^${file} is damaged \\(\\d+ characters\\): ${advice}`));
    },
  );

  test('is read with a line break at its end, as an editor leaves it', async () => {
    const dataDir = await dataDirectory();
    const made = await read(dataDir);
    const file = join(dataDir, name);
    await writeFile(file, `${await readFile(file, 'utf8')}\n`);
    expect(await read(dataDir)).toEqual(made);
  });
});

test.each(['', 'another password'])(
  'an embedded PostgreSQL whose password was lost (%j) says so and is stopped',
  async (text) => {
    const dataDir = await dataDirectory();
    const needs = { dataDir, needPostgres: true, needRedis: false, say: listen().say };
    const servers = await startEmbedded(needs);
    await servers.stop();
    await writeFile(join(dataDir, 'postgres-password'), text);
    await expect(startEmbedded(needs)).rejects.toThrow(/postgres-password.*restore it/);
    expect(await readdir(join(dataDir, 'users'))).toEqual([]);
    await expect(stat(join(dataDir, 'postgres/postmaster.pid'))).rejects.toThrow('ENOENT');
  },
);
