import { randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { createSealer } from '../../src/platform/encryption.ts';

const [old, young] = [randomBytes(32), randomBytes(32)];

test('what was sealed is opened again, and looks different each time', () => {
  const { seal, open } = createSealer([young]);
  const all = [seal('a secret', 'x'), seal('a secret', 'x')];
  expect(all.map((sealed) => open(sealed, 'x'))).toEqual(['a secret', 'a secret']);
  expect(all[0]).not.toBe(all[1]);
  expect(Buffer.from(all[0] ?? '', 'base64').toString('latin1')).not.toContain('a secret');
});

test('an older key still opens what it has sealed, once a newer one seals', () => {
  const before = createSealer([old]).seal('a secret', 'x');
  const both = createSealer([young, old]);
  expect(both.open(before, 'x')).toBe('a secret');
  expect(createSealer([young]).open(both.seal('new', 'x'), 'x')).toBe('new');
});

test('nothing else is opened: a changed text, another context, another key, no text at all', () => {
  const { seal, open } = createSealer([young]);
  const sealed = seal('a secret', 'x');
  const bytes = Buffer.from(sealed, 'base64');
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  expect(() => open(bytes.toString('base64'), 'x')).toThrow('cannot be opened');
  expect(() => open(sealed, 'y')).toThrow('cannot be opened');
  expect(() => createSealer([old]).open(sealed, 'x')).toThrow('cannot be opened');
  expect(() => open('', 'x')).toThrow('cannot be opened');
});
