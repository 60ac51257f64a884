import { createServer, type Server } from 'node:http';
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT } from 'jose';
import { onCleanup } from '../../harness/cleanup.ts';

export const ISSUER = 'https://login.example';
export const AUDIENCE = 'resolution-center';
export const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

interface KeyPair {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
  /** The public key as a file holds it: what an attacker would use as the secret of an HMAC. */
  readonly pem: string;
}

/** Makes a key pair that is unknown until it is published. */
export async function makeKeyPair(kid: string, alg: string): Promise<KeyPair> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' };
  return { kid, alg, privateKey, jwk, pem: await exportSPKI(publicKey) };
}

export const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1_000) + seconds;

/** Signs claims, beside those that every good token has; an undefined one is left out. */
export function sign({ kid, alg, privateKey }: KeyPair, claims: Record<string, unknown>, header: object = {}) {
  const all = { iss: ISSUER, aud: AUDIENCE, exp: inSeconds(60), ...claims };
  return new SignJWT(all).setProtectedHeader({ alg, kid, ...header }).sign(privateKey);
}

/** An issuer with a key for each algorithm, that counts how often it is asked for them. */
export interface Issuer {
  /** Where it is, and what its discovery document calls it unless a test says otherwise. */
  readonly base: string;
  /** Where its keys are. */
  readonly url: string;
  readonly keys: Readonly<Record<Algorithm, KeyPair>>;
  readonly fetches: () => number;
  readonly discoveries: () => number;
  readonly publish: (...keys: readonly KeyPair[]) => void;
  readonly withdraw: (kid: string) => void;
  /** `up`, `failing` (500), `silent` (accepts and never answers). */
  readonly become: (mode: 'up' | 'failing' | 'silent') => void;
  /** What the address of its keys, or of its discovery document, answers instead of what is right. */
  readonly answer: (path: string, status: number, body: string) => void;
}

function listen(server: Server): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address !== null && typeof address === 'object') resolve(`http://127.0.0.1:${address.port}`);
    });
  });
}

export const DISCOVERY = '/.well-known/openid-configuration';
const KEYS = '/jwks.json';

/**
 * Starts an issuer. It ends with the test file.
 * @param path of the issuer, behind which its discovery document is
 */
export async function startIssuer(path = ''): Promise<Issuer> {
  const pairs = await Promise.all(ALGORITHMS.map((alg) => makeKeyPair(`key-of-${alg}`, alg)));
  const keys = Object.fromEntries(pairs.map((pair) => [pair.alg, pair])) as Record<Algorithm, KeyPair>;
  let published: readonly KeyPair[] = pairs;
  let mode: 'up' | 'failing' | 'silent' = 'up';
  const asked = new Map<string, number>();
  const wrong = new Map<string, { status: number; body: string }>();
  const documents: Readonly<Record<string, () => object>> = {
    [KEYS]: () => ({ keys: published.map(({ jwk }) => jwk) }),
    [path.replace(/\/$/, '') + DISCOVERY]: () => ({ issuer: base, jwks_uri: url, response_types_supported: ['code'] }),
  };
  const server = createServer(({ url: address = '' }, response) => {
    asked.set(address, (asked.get(address) ?? 0) + 1);
    if (mode === 'silent') return;
    const { status, body } = wrong.get(address) ?? {
      status: documents[address] === undefined ? 404 : 200,
      body: JSON.stringify(documents[address]?.() ?? {}),
    };
    response.writeHead(mode === 'up' ? status : 500, { 'content-type': 'application/json' });
    response.end(body);
  });
  const origin = await listen(server);
  const base = origin + path;
  const url = origin + KEYS;
  onCleanup(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    base,
    url,
    keys,
    fetches: () => asked.get(KEYS) ?? 0,
    discoveries: () => asked.get(path.replace(/\/$/, '') + DISCOVERY) ?? 0,
    publish: (...more) => {
      published = [...pairs, ...more];
    },
    withdraw: (kid) => {
      published = published.filter((pair) => pair.kid !== kid);
    },
    become: (next) => {
      mode = next;
    },
    answer: (address, status, body) => void wrong.set(address, { status, body }),
  };
}
