import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Encrypts texts that must not lie in the database as they are. */
export interface Sealer {
  /** Encrypts a text; `context` says what it belongs to, and has to be the same when it is opened. */
  readonly seal: (text: string, context: string) => string;
  /**
   * Decrypts what `seal` made.
   * @throws Error if none of the keys fits, or text and context do not belong together
   */
  readonly open: (sealed: string, context: string) => string;
}

function openWith(key: Buffer, sealed: Buffer, context: string): string | null {
  const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(context));
  decipher.setAuthTag(sealed.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]).toString('utf8');
  } catch {
    return null;
  }
}

/** A sealer by AES-256-GCM. It seals with the first key, and opens what any of them has sealed. */
export function createSealer(keys: readonly [Buffer, ...Buffer[]]): Sealer {
  return {
    seal: (text, context) => {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv(ALGORITHM, keys[0], iv, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(context));
      const encrypted = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([iv, cipher.getAuthTag(), encrypted]).toString('base64');
    },
    open: (sealed, context) => {
      const bytes = Buffer.from(sealed, 'base64');
      for (const key of keys) {
        const text = bytes.length < IV_BYTES + TAG_BYTES ? null : openWith(key, bytes, context);
        if (text !== null) return text;
      }
      throw new Error('what was sealed cannot be opened with any of the keys');
    },
  };
}
