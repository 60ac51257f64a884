const HOUR_MS = 3_600_000;
/** When the recorded story begins, whatever the clock said. */
const BEGINNING = Date.parse('2026-11-23T10:00:00.000Z');
/** Instants further away than this were chosen by the story and stay as they are. */
const NEAR_MS = 100 * 24 * HOUR_MS;

const INSTANT = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g;
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
/** Each part of an entity tag: a digest, among others of ids and instants. */
const DIGEST = /(?<=[".])[0-9a-f]{16}(?=[.\\"])/g;
const SECRET = /whsec_[A-Za-z0-9+/]+=*/g;

/** A duration in a row of CSV. */
const MEASURED_CELL = /(?<=,)\d+\.\d+(?=,)/g;

/** A number of seconds that was measured to the millisecond becomes one of whole minutes. */
const numberOf = (value: number): number => (Number.isInteger(value) ? value : Math.round(value / 60) * 60);
const SHARES = new Set(['silenceShare']);

/** Members whose values differ from run to run, with what stands for them. */
const MEASURED: Readonly<Record<string, unknown>> = { durationMs: 87 };

/** Turns what one run answered into what every run answers. */
export type Normalize = (value: unknown) => unknown;

/**
 * Instants keep their distances in whole hours, from a fixed beginning; each id and each part of an entity tag becomes a fixed one, by
 * its first appearance; what was measured becomes constant.
 * @param startedAt when the recording began
 * @param texts texts of this run, such as the address of a receiver, with what stands for each
 */
export function normalizer(startedAt: number, texts: () => ReadonlyMap<string, string>): Normalize {
  const ids = new Map<string, string>();
  const digests = new Map<string, string>();

  const instantOf = (text: string): string => {
    const distance = Date.parse(text) - startedAt;
    if (Math.abs(distance) > NEAR_MS) return text;
    return new Date(BEGINNING + Math.round(distance / HOUR_MS) * HOUR_MS).toISOString();
  };
  const idOf = (id: string): string => {
    const known = ids.get(id) ?? `01a207d9-2100-7000-8000-${String(ids.size + 1).padStart(12, '0')}`;
    ids.set(id, known);
    return known;
  };
  const digestOf = (digest: string): string => {
    const known = digests.get(digest) ?? `6f1c0a9b3d5e${String(digests.size + 1).padStart(4, '0')}`;
    digests.set(digest, known);
    return known;
  };
  const textOf = (text: string): string => {
    let replaced = text;
    for (const [from, to] of texts()) replaced = replaced.replaceAll(from, to);
    return replaced
      .replace(INSTANT, instantOf)
      .replace(UUID, idOf)
      .replace(DIGEST, digestOf)
      .replace(MEASURED_CELL, (cell) => String(numberOf(Number(cell))))
      .replace(SECRET, 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD');
  };
  const normalize = (value: unknown): unknown => {
    if (typeof value === 'string') return textOf(value);
    if (typeof value === 'number') return numberOf(value);
    if (Array.isArray(value)) return value.map(normalize);
    if (value === null || typeof value !== 'object') return value;
    const members = Object.entries(value).map(([key, member]) => [
      key,
      SHARES.has(key) ? member : (MEASURED[key] ?? normalize(member)),
    ]);
    return Object.fromEntries(members);
  };
  return normalize;
}
