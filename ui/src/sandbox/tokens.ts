/** Whose tokens the page needs: two users, and the marketplace's own services. */
export type Holder = 'client' | 'freelancer' | 'service';

export type Tokens = Readonly<Record<Holder, string>>;

const KEPT = 'resolution-center-tokens';

/** A token was refused, and the page has no other. */
export class TokenExpired extends Error {}

/** The tokens of the page. */
export interface TokenSource {
  /** @throws TokenExpired if the last one was refused and there is no other */
  readonly get: (holder: Holder, fresh: boolean) => Promise<string>;
  /** Who a token is for: the `sub` that orders name as a party. */
  readonly subjectOf: (holder: Holder) => Promise<string>;
}

function readSubject(token: string): string {
  const [, payload = ''] = token.split('.');
  const bytes = Uint8Array.from(atob(payload.replace(/-/g, '+').replace(/_/g, '/')), (char) => char.charCodeAt(0));
  const { sub } = JSON.parse(new TextDecoder().decode(bytes)) as { sub?: unknown };
  if (typeof sub !== 'string') throw new Error('a token has no subject');
  return sub;
}

/** Whether a text looks like a token of a party or a service: three parts, with a subject. */
export function isToken(text: string): boolean {
  try {
    return text.split('.').length === 3 && readSubject(text) !== '';
  } catch {
    return false;
  }
}

function sourceOf(first: Tokens, renew: () => Promise<Tokens>): TokenSource {
  let tokens = first;
  let renewing: Promise<Tokens> | null = null;
  const get: TokenSource['get'] = async (holder, fresh) => {
    if (fresh) {
      // All three were minted together, so that one renewal serves all who ask.
      renewing ??= renew().finally(() => {
        renewing = null;
      });
      tokens = await renewing;
    }
    return tokens[holder];
  };
  return { get, subjectOf: async (holder) => readSubject(tokens[holder]) };
}

async function mint(): Promise<Tokens> {
  const answer = await fetch('/ui/sandbox-tokens', { method: 'POST' });
  if (!answer.ok) throw new TokenExpired();
  return (await answer.json()) as Tokens;
}

/** Gets tokens from the service, which mints them on a developer's own machine only. Null anywhere else. */
export async function mintedTokens(): Promise<TokenSource | null> {
  try {
    return sourceOf(await mint(), mint);
  } catch (error) {
    if (error instanceof TokenExpired) return null;
    throw error;
  }
}

/** Takes tokens that were entered. They stay in this tab. */
export function enteredTokens(tokens: Tokens): TokenSource {
  sessionStorage.setItem(KEPT, JSON.stringify(tokens));
  return sourceOf(tokens, async () => {
    sessionStorage.removeItem(KEPT);
    throw new TokenExpired();
  });
}

/** The tokens that were entered in this tab before. */
export function keptTokens(): TokenSource | null {
  const kept = sessionStorage.getItem(KEPT);
  return kept === null ? null : enteredTokens(JSON.parse(kept) as Tokens);
}
