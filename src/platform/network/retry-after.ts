const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const FIFTY_YEARS = 50;

const SECONDS = /^\d+(\.\d+)?$/;
// The three forms of RFC 9110, section 5.6.7: IMF-fixdate, RFC 850 and asctime.
const IMF = /^(?<day>\w{3}), (?<date>\d{2}) (?<month>\w{3}) (?<year>\d{4}) (?<time>\d{2}:\d{2}:\d{2}) GMT$/;
const RFC_850 = /^(?<day>\w{3})\w{3,6}, (?<date>\d{2})-(?<month>\w{3})-(?<year>\d{2}) (?<time>\d{2}:\d{2}:\d{2}) GMT$/;
const ASCTIME = /^(?<day>\w{3}) (?<month>\w{3}) (?<date>[ \d]\d) (?<time>\d{2}:\d{2}:\d{2}) (?<year>\d{4})$/;

/** A year of two digits means the one that is at most fifty years ahead. */
function fullYear(year: string, now: number): string {
  if (year.length === 4) return year;
  const thisYear = new Date(now).getUTCFullYear();
  const inThisCentury = thisYear - (thisYear % 100) + Number(year);
  return String(inThisCentury > thisYear + FIFTY_YEARS ? inThisCentury - 100 : inThisCentury);
}

/**
 * Reads a date in one of the three forms that HTTP has; null for anything else, such as a day that its month does not have.
 * @param now tells the century of the form that has two digits for the year
 */
export function parseHttpDate(text: string, now: number): number | null {
  const parts = (IMF.exec(text) ?? RFC_850.exec(text) ?? ASCTIME.exec(text))?.groups;
  if (parts === undefined) return null;
  const { day = '', date = '', month = '', year = '', time = '' } = parts;
  const [hours, minutes, seconds] = time.split(':').map(Number);
  const ms = Date.UTC(Number(fullYear(year, now)), MONTHS.indexOf(month), Number(date), hours, minutes, seconds);
  // Written again it has to be the same, weekday included.
  const written = `${day}, ${date.trim().padStart(2, '0')} ${month} ${fullYear(year, now)} ${time} GMT`;
  return Number.isFinite(ms) && new Date(ms).toUTCString() === written ? ms : null;
}

/**
 * Reads `Retry-After`: seconds, which may have decimals, or an HTTP date.
 * @returns how long to wait from `now`, in milliseconds; null if there is no wait to be read
 */
export function retryAfterMs(header: string | null, now: number): number | null {
  const text = header?.trim() ?? '';
  if (SECONDS.test(text)) return Math.round(Number(text) * 1_000);
  const date = parseHttpDate(text, now);
  return date === null ? null : Math.max(0, date - now);
}
