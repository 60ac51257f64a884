import type { Api } from './api.ts';
import { type Io, progress } from './output.ts';

/** The most that the service has on one page of the list with the smallest pages. */
const PAGE = 50;

/** A page of any list that has a cursor. */
interface Page {
  readonly data: readonly unknown[];
  readonly nextCursor: string | null;
}

/** A list, and how much of it is wanted. */
interface List {
  /** What its items are, in the plural. */
  readonly what: string;
  readonly path: string;
  readonly limit: number;
  readonly query?: Readonly<Record<string, string | undefined>>;
}

/**
 * Reads up to `limit` items of a list, page by page, and tells people on a terminal how far it has come.
 * @returns the last page, with the items of all
 */
export async function pages<P extends Page>(io: Io, api: Api, { what, path, limit, query }: List): Promise<P> {
  const { say, end } = progress(io);
  const found: P['data'][number][] = [];
  let cursor: string | undefined;
  for (;;) {
    const asked = { ...query, limit: Math.min(PAGE, limit - found.length), cursor };
    const page: P = await api.get<P>(path, asked);
    found.push(...page.data);
    if (page.nextCursor === null || found.length >= limit) {
      end();
      return { ...page, data: found.slice(0, limit) };
    }
    say(`${found.length} ${what} …`);
    cursor = page.nextCursor;
  }
}
