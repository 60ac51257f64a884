import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Examples } from '../../src/http/openapi/recorded-examples.ts';
import { blocks, section } from '../docs/readme.ts';
import { FILE } from './file.ts';
import { recordExamples } from './record.ts';

const recorded = JSON.parse(readFileSync(FILE, 'utf8')) as Examples;

test('the examples are what the service answers (else: npm run openapi)', async () => {
  expect(await recordExamples()).toEqual(recorded);
});

test('what is filled in first is what the README walks through', () => {
  const walk = blocks(section('A walk in five minutes')).map(({ code }) => code);
  const sent = [...walk.join('\n').matchAll(/-d '(\{.*?\})'/gs)].map(([, body = '']) => JSON.parse(body));
  const first = (operationId: string) => Object.values(recorded.operations[operationId]?.requests ?? {})[0]?.value;
  // The third is the second dispute, which is refused.
  const [reported, opened, , accepted] = sent;
  expect([first('reportOrder'), first('openDispute'), first('acceptDispute')]).toEqual([reported, opened, accepted]);
});
