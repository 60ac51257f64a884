import { decodeJwt } from 'jose';
import { describe, expect, test } from 'vitest';
import { TEST_SECRET } from '../../harness/client.ts';
import { runProgram } from '../../harness/process.ts';
import { CLIENT } from '../../harness/seed.ts';
import { startService } from '../../harness/service.ts';

const ENV = { AUTH_SECRET: TEST_SECRET, AUTH_ISSUER: 'https://login.example', AUTH_AUDIENCE: 'resolution-center' };

async function run(args: readonly string[], env: Record<string, string> = ENV) {
  const command = runProgram('cli/ops.js', ['token', ...args], { env });
  const { code } = await command.exited;
  return { code, out: command.stdout().trim(), err: command.stderr().trim() };
}

describe('the command token', () => {
  test('mints a token of a user that the service takes', async () => {
    const service = await startService({ env: ENV });
    const { code, out } = await run(['--sub', CLIENT]);
    expect([code, decodeJwt(out)]).toEqual([0, expect.objectContaining({ sub: CLIENT, iss: ENV.AUTH_ISSUER })]);
    expect((await service.withAuthorization(`Bearer ${out}`).get('/v1/disputes')).status).toBe(200);
  });

  test('mints a token of a service with scopes', async () => {
    const { out } = await run(['--sub', 'support', '--scope', 'disputes:read ops']);
    expect(decodeJwt(out)).toMatchObject({ sub: 'support', scope: 'disputes:read ops', aud: ENV.AUTH_AUDIENCE });
  });

  test.each([
    ['without a user', [], ENV, 2, "required option '--sub <id>' not specified"],
    [
      'where an issuer makes the tokens',
      ['--sub', CLIENT],
      { AUTH_JWKS_URL: 'https://login.example/jwks' },
      1,
      'AUTH_JWKS',
    ],
    [
      'with a secret that is too short',
      ['--sub', CLIENT],
      { AUTH_SECRET: 'x'.repeat(31) },
      1,
      'AUTH_SECRET must have at',
    ],
  ] as const)('says what is wrong and mints nothing: %s', async (_what, args, env, exit, message) => {
    const { code, out, err } = await run(args, env);
    expect([code, out, err]).toEqual([exit, '', expect.stringContaining(message)]);
  });
});
