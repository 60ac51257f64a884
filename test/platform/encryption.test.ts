import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { createEncryption } from '../../src/platform/encryption.ts';

const [old, young] = [randomBytes(32), randomBytes(32)];

test('what was encrypted is decrypted again, and looks different each time', () => {
  const { encrypt, decrypt } = createEncryption([young]);
  const all = [encrypt('a secret', 'x'), encrypt('a secret', 'x')];
  expect(all.map((encrypted) => decrypt(encrypted, 'x'))).toEqual(['a secret', 'a secret']);
  expect(all[0]).not.toBe(all[1]);
  expect(Buffer.from(all[0] ?? '', 'base64').toString('latin1')).not.toContain('a secret');
});

test('an older key still decrypts what it has encrypted, once a newer one encrypts', () => {
  const before = createEncryption([old]).encrypt('a secret', 'x');
  const both = createEncryption([young, old]);
  expect(both.decrypt(before, 'x')).toBe('a secret');
  expect(createEncryption([young]).decrypt(both.encrypt('new', 'x'), 'x')).toBe('new');
});

test('nothing else is decrypted: a changed text, another context, another key, no text at all', () => {
  const { encrypt, decrypt } = createEncryption([young]);
  const encrypted = encrypt('a secret', 'x');
  const bytes = Buffer.from(encrypted, 'base64');
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  expect(() => decrypt(bytes.toString('base64'), 'x')).toThrow('cannot be decrypted');
  expect(() => decrypt(encrypted, 'y')).toThrow('cannot be decrypted');
  expect(() => createEncryption([old]).decrypt(encrypted, 'x')).toThrow('cannot be decrypted');
  expect(() => decrypt('', 'x')).toThrow('cannot be decrypted');
});
