/** Whether two values say the same: plain values are the same value, lists and objects have the same members. */
export function isSameContent(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  const members = new Map<string, unknown>(Object.entries(b));
  const own = Object.entries(a);
  return (
    Array.isArray(a) === Array.isArray(b) &&
    own.length === members.size &&
    own.every(([name, value]) => members.has(name) && isSameContent(value, members.get(name)))
  );
}
