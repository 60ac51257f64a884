type Json = Record<string, unknown>;

const MAX_INT32 = 2 ** 31 - 1;

/** Formats that say all that their pattern says; generators make a class of them, on which a pattern cannot be checked. */
const SELF_EXPLAINING = new Set(['uuid', 'date-time']);

/** What generators cannot read, or read wrongly, in one JSON Schema, and what they are given instead. */
function portableMembers(schema: Json): Json {
  const { const: only, ...rest } = schema;
  const isNamed = typeof schema['format'] === 'string' && SELF_EXPLAINING.has(schema['format']);
  const isLong = schema['type'] === 'integer' && Number(schema['maximum'] ?? 0) > MAX_INT32;
  const members = Object.entries(rest).filter(
    ([key, value]) => !(key === 'default' && value === null) && !(key === 'pattern' && isNamed),
  );
  return {
    ...Object.fromEntries(members),
    // Without it, an integer of Java, C# or Go has 32 bits.
    ...(isLong && { format: 'int64' }),
    ...('const' in schema && { enum: [only] }),
  };
}

function portableMember(key: string, member: unknown): unknown {
  // Values, and names of the API, are no keywords.
  if (key === 'examples' || key === 'default') return member;
  if (key !== 'properties') return portable(member);
  return Object.fromEntries(Object.entries(member as Json).map(([name, schema]) => [name, portable(schema)]));
}

/**
 * A JSON Schema with the same meaning, in what the generators of all languages understand: no `default: null` (null counts
 * as absent anyway), one-valued enums instead of `const`, `int64` where 32 bits do not suffice, no pattern beside a
 * format that implies it.
 */
export function portable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(portable);
  if (value === null || typeof value !== 'object') return value;
  const members = Object.entries(value).map(([key, member]) => [key, portableMember(key, member)]);
  return portableMembers(Object.fromEntries(members));
}
