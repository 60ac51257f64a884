/** The most bytes that the items of one page have as JSON, unless its first item alone has more. */
export const PAGE_BYTES = 1_000_000;

/** The items of bounded pages as JSON, so that an answer is not serialized twice. */
const TEXTS = new WeakMap<object, readonly string[]>();

interface PageParts<Row, Item, Place> {
  readonly present: (row: Row, index: number) => Item;
  /** Where the next page begins if this one ends with a row. */
  readonly placeBehind: (row: Row, index: number) => Place;
  /** Where the next page begins if all rows are on this one; null after the last page. */
  readonly next: Place | null;
}

/**
 * Makes a page of the longest beginning of some rows that is within `PAGE_BYTES`, and of at least the first. The limit of a
 * page counts items, whose sizes differ by a factor of thirty; this bounds the answer.
 */
export function boundedPage<Row, Item, Place>(
  rows: readonly Row[],
  { present, placeBehind, next }: PageParts<Row, Item, Place>,
): { data: Item[]; next: Place | null } {
  const data: Item[] = [];
  const texts: string[] = [];
  TEXTS.set(data, texts);
  let bytes = 0;
  for (const [index, row] of rows.entries()) {
    const item = present(row, index);
    const text = JSON.stringify(item);
    bytes += Buffer.byteLength(text);
    const last = rows[index - 1];
    if (last !== undefined && bytes > PAGE_BYTES) return { data, next: placeBehind(last, index - 1) };
    data.push(item);
    texts.push(text);
  }
  return { data, next };
}

/** Writes a body as JSON. The items of a bounded page were written when it was made. */
export function jsonOf(body: unknown): string {
  if (typeof body !== 'object' || body === null || !('data' in body)) return JSON.stringify(body);
  const { data } = body;
  const texts = typeof data === 'object' && data !== null ? TEXTS.get(data) : undefined;
  if (texts === undefined) return JSON.stringify(body);
  const members = Object.entries(body)
    .filter(([, value]) => value !== undefined)
    .map(
      ([name, value]) => `${JSON.stringify(name)}:${value === data ? `[${texts.join(',')}]` : JSON.stringify(value)}`,
    );
  return `{${members.join(',')}}`;
}
