import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { freePort } from '../../../src/dev/embedded/processes.ts';
import { waitFor } from '../wait-for.ts';

/** A real Redis with its append-only file, which can be killed and comes back at the same address. */
export interface RedisServer {
  readonly port: number;
  readonly start: () => Promise<void>;
  readonly kill: (loseFiles: boolean) => Promise<void>;
  readonly signal: (signal: 'SIGSTOP' | 'SIGCONT') => void;
}

function answers(port: number, password: string): boolean {
  try {
    const stdio: ['ignore', 'pipe', 'ignore'] = ['ignore', 'pipe', 'ignore'];
    const env = { ...process.env, ...(password !== '' && { REDISCLI_AUTH: password }) };
    return execFileSync('redis-cli', ['-p', String(port), 'ping'], { timeout: 1_000, stdio, env }).includes('PONG');
  } catch {
    return false;
  }
}

/**
 * Chooses an address and a place for the files; nothing is started yet.
 * @param password of its user `default`; empty for none
 */
export async function prepareRedis(directory: string, password = ''): Promise<RedisServer> {
  const port = await freePort();
  let server: ChildProcess | undefined;
  return {
    port,
    start: async () => {
      await mkdir(directory, { recursive: true });
      const settings = ['--appendonly', 'yes', '--appendfsync', 'everysec', '--save', '', '--dir', directory];
      const limits = ['--maxmemory-policy', 'noeviction', '--hash-max-listpack-value', '512', '--bind', '127.0.0.1'];
      const login = password === '' ? [] : ['--requirepass', password];
      server = spawn('redis-server', ['--port', String(port), ...settings, ...limits, ...login], { stdio: 'ignore' });
      await waitFor('redis starts', () => answers(port, password));
    },
    kill: async (loseFiles) => {
      if (server !== undefined && server.exitCode === null && server.signalCode === null) {
        const ended = once(server, 'exit');
        server.kill('SIGKILL');
        await ended;
      }
      if (loseFiles) await rm(directory, { recursive: true, force: true });
    },
    signal: (signal) => void server?.kill(signal),
  };
}
