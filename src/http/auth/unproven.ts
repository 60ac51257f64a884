import { decodeJwt, decodeProtectedHeader } from 'jose';

type Fields = Readonly<Record<string, unknown>>;

function decoded(read: () => Fields): Fields {
  try {
    return read();
  } catch {
    return {};
  }
}

/** The header of a token that may be refused, empty where it cannot be read; nothing of it is proven. */
export const unprovenHeader = (token: string): Fields => decoded(() => decodeProtectedHeader(token));

/** The claims of a token that may be refused, empty where they cannot be read; nothing of them is proven. */
export const unprovenClaims = (token: string): Fields => decoded(() => decodeJwt(token));
