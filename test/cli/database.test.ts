import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { MIGRATIONS, migrate } from '../../src/platform/postgres/migrations.ts';
import { createRoleDatabase, type Role, type RoleDatabase } from '../harness/roles.ts';
import { command } from './command.ts';

const NOWHERE = '0198c5a0-0000-7000-8000-000000000000';
const NOTE = 'a note that no message may repeat';

let database: RoleDatabase;
beforeAll(async () => {
  database = await createRoleDatabase();
  await migrate(database.urlOf('migrate'), MIGRATIONS);
});

const ONE_LINE = /^resolution-center: [^\n]+\n$/;
const WEBHOOK_ENCRYPTION_KEY = randomBytes(32).toString('base64');
const as = (role: Role, argv: readonly string[]) =>
  command(argv, { env: { DATABASE_URL: database.urlOf(role), WEBHOOK_ENCRYPTION_KEY } });

describe('a role that may not write', () => {
  test.each(
    (['operator', 'read'] as const).flatMap((role) => [
      [role, ['hold', 'begin', '--note', NOTE, '--database'], 'holds'] as const,
      [role, ['hold', 'release', NOWHERE, '--database'], 'holds'] as const,
    ]),
  )('as resolution_center_%s is told in one line which role to use: %j', async (role, argv, relation) => {
    const { code, out, err } = await as(role, argv);
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(ONE_LINE);
    expect(err).toContain(
      `the role resolution_center_${role} may not do this (permission denied for table ${relation})`,
    );
    expect(err).toContain('resolution_center_app');
    expect(err).not.toContain(NOTE);
  });

  test('may list the holds that another role has begun', async () => {
    expect((await as('app', ['hold', 'begin', '--note', 'Mail is down.', '--database'])).code).toBe(0);
    expect((await as('operator', ['hold', 'list', '--database'])).out).toContain('Mail is down.');
  });

  test('may not read secrets, and is told so by webhooks reencrypt', async () => {
    const { code, err } = await as('read', ['webhooks', 'reencrypt']);
    expect([code, err]).toEqual([1, expect.stringMatching(ONE_LINE)]);
    expect(err).toContain('the role resolution_center_read may not do this');
  });
});

test('a statement that fails for another reason is said without its text and its parameters', async () => {
  await database.query('ALTER TABLE holds ADD CONSTRAINT no_more CHECK (false) NOT VALID');
  const { code, err } = await as('app', ['hold', 'begin', '--note', NOTE, '--database']);
  await database.query('ALTER TABLE holds DROP CONSTRAINT no_more');
  expect([code, err]).toEqual([1, expect.stringMatching(ONE_LINE)]);
  expect(err).toContain('violates check constraint "no_more"');
  expect(err).not.toMatch(/Failed query|a note that/);
});

test.each([[['migrate']], [['hold', 'list', '--database']], [['webhooks', 'reencrypt']]])(
  'without DATABASE_URL, %j ends with 1 and names it',
  async (argv) => {
    const { code, out, err } = await command(argv, { env: { WEBHOOK_ENCRYPTION_KEY } });
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/^resolution-center: DATABASE_URL must name the database[^\n]*\n$/);
  },
);
