const DURATION = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;
const UNIT_MS = [604_800_000, 86_400_000, 3_600_000, 60_000, 1_000];

/**
 * The length of an ISO 8601 duration in milliseconds, or null if it is none. Days and weeks are elapsed time (24 h each);
 * months and years are refused, since they have no length of their own.
 */
export function parseDuration(text: string): number | null {
  const parts: (string | undefined)[] | undefined = DURATION.exec(text)?.slice(1);
  if (parts === undefined || parts.every((part) => part === undefined) || text.endsWith('T')) return null;
  return Math.round(parts.reduce((sum, part = '0', index) => sum + Number(part) * (UNIT_MS[index] ?? 0), 0));
}

/** A length in milliseconds as an ISO 8601 duration in hours, minutes and seconds: `PT48H`. */
export function formatDuration(ms: number): string {
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor((ms % 3_600_000) / 60_000);
  const seconds = (ms % 60_000) / 1_000;
  const parts = `${hours ? `${hours}H` : ''}${minutes ? `${minutes}M` : ''}${seconds ? `${seconds}S` : ''}`;
  return `PT${parts === '' ? '0S' : parts}`;
}
