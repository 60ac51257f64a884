import type { Instant } from '../domain/state.ts';
import type { Encryption } from '../platform/encryption.ts';
import { type Database, withTx } from '../platform/postgres/database.ts';
import { readClock } from '../store/clock.ts';
import { type EndpointRow, listEndpoints, lockEndpoint, previousSecretAt, saveEndpoint } from './store/endpoints.ts';

const PAGE = 100;

/** What came of encrypting the secrets of all endpoints anew. */
export interface Reencrypted {
  /** How many endpoints have their secrets encrypted by the first key now. */
  readonly reencrypted: number;
  /** The ids of endpoints whose secret none of the keys decrypts; they are left as they are. */
  readonly unreadable: readonly string[];
}

/**
 * An endpoint with its secrets encrypted anew, and without a previous secret that signs no longer. One that no key
 * decrypts stays as it is.
 * @returns null if no key decrypts its current secret
 */
function encryptAnew(row: EndpointRow, { encrypt, decrypt }: Encryption, now: Instant): EndpointRow | null {
  const anew = (secret: string | null): string | null => {
    try {
      return secret === null ? null : encrypt(decrypt(secret, row.id), row.id);
    } catch {
      return null;
    }
  };
  const previous = previousSecretAt(row, now);
  const [secret, previousSecret] = [anew(row.secret), anew(previous) ?? previous];
  const previousSecretUntil = previousSecret === null ? null : row.previousSecretUntil;
  return secret === null ? null : { ...row, secret, previousSecret, previousSecretUntil };
}

/**
 * Encrypts the secrets of every endpoint by the first key, one endpoint in a transaction, so that the other keys can be dropped.
 * The secrets themselves stay the same: receivers notice nothing.
 * @param pageSize how many endpoints are read at once
 */
export async function reencryptSecrets(db: Database, encryption: Encryption, pageSize = PAGE): Promise<Reencrypted> {
  const unreadable: string[] = [];
  let reencrypted = 0;
  let after: string | null = null;
  for (;;) {
    const page: EndpointRow[] = await listEndpoints(db, after, pageSize);
    for (const { id } of page) {
      await withTx(db, async (tx) => {
        const row = await lockEndpoint(tx, id);
        const anew = row === undefined ? undefined : encryptAnew(row, encryption, await readClock(tx));
        if (anew === null) unreadable.push(id);
        if (anew) {
          await saveEndpoint(tx, anew);
          reencrypted += 1;
        }
      });
    }
    after = page.at(-1)?.id ?? null;
    if (page.length < pageSize) return { reencrypted, unreadable };
  }
}
