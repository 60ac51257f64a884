import { expect, test } from 'vitest';
import { openDeployment } from '../../../src/platform/postgres/deployment.ts';
import { createDatabase } from '../../harness/database.ts';

test('the first start writes the mode; later ones have to be in it', async () => {
  const { url } = await createDatabase();
  const id = await openDeployment(url, 'sandbox');
  expect(await openDeployment(url, 'sandbox')).toBe(id);
  await expect(openDeployment(url, 'live')).rejects.toThrow(/^MODE must be sandbox: /);
  expect(await openDeployment(url, 'sandbox')).toBe(id);
});

test('of two first starts at once in two modes, one is refused', async () => {
  const { url } = await createDatabase();
  const starts = await Promise.allSettled([openDeployment(url, 'sandbox'), openDeployment(url, 'live')]);
  expect(starts.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
});
