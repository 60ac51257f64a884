/** A code as words: `in_progress` as "In progress". */
export function inWords(code: string): string {
  const words = code.replaceAll('_', ' ');
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

/** An instant as it is read, in the time zone of the visitor. */
export const timeOf = (instant: string): string =>
  new Date(instant).toLocaleString('en', { dateStyle: 'medium', timeStyle: 'short', hourCycle: 'h23' });
