/** The most bytes that the items of one page have as JSON, unless its first item alone has more. */
export const PAGE_BYTES = 1_000_000;

/**
 * The longest beginning of a page that is within `PAGE_BYTES`, and at least its first item. The limit of a page counts items,
 * whose sizes differ by a factor of thirty; this bounds the answer.
 */
export function withinPageBytes<T>(items: readonly T[]): readonly T[] {
  let bytes = 0;
  for (const [index, item] of items.entries()) {
    bytes += Buffer.byteLength(JSON.stringify(item));
    if (index > 0 && bytes > PAGE_BYTES) return items.slice(0, index);
  }
  return items;
}
