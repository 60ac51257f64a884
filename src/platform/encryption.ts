import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Encrypts texts that must not lie in the database as they are. */
export interface Encryption {
  /** Encrypts a text; `context` says what it belongs to, and has to be the same when it is decrypted. */
  readonly encrypt: (text: string, context: string) => string;
  /**
   * Decrypts what `encrypt` made.
   * @throws Error if none of the keys fits, or text and context do not belong together
   */
  readonly decrypt: (encrypted: string, context: string) => string;
}

function decryptWith(key: Buffer, encrypted: Buffer, context: string): string | null {
  const decipher = createDecipheriv(ALGORITHM, key, encrypted.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(context));
  decipher.setAuthTag(encrypted.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(encrypted.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]).toString(
      'utf8',
    );
  } catch {
    return null;
  }
}

/** Encryption by AES-256-GCM. It encrypts with the first key, and decrypts with any of them. */
export function createEncryption(keys: readonly [Buffer, ...Buffer[]]): Encryption {
  return {
    encrypt: (text, context) => {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv(ALGORITHM, keys[0], iv, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(context));
      const ciphertext = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([iv, cipher.getAuthTag(), ciphertext]).toString('base64');
    },
    decrypt: (encrypted, context) => {
      const bytes = Buffer.from(encrypted, 'base64');
      for (const key of keys) {
        const text = bytes.length < IV_BYTES + TAG_BYTES ? null : decryptWith(key, bytes, context);
        if (text !== null) return text;
      }
      throw new Error('the text cannot be decrypted with any of the keys');
    },
  };
}
