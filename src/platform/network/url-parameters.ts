import leven from 'leven';

/** The parameters of a URL that the service uses, and what to do instead of those that other programs use. */
export interface Parameters {
  readonly known: readonly string[];
  readonly instead: Readonly<Record<string, string>>;
}

// A password with an unescaped `?` becomes the name of a parameter: anything else is not shown.
const SHOWN = /^[A-Za-z][\w.-]{0,40}$/;

function nearestOf(name: string, known: readonly string[]): string {
  const distance = (one: string) => leven(name.toLowerCase(), one.toLowerCase());
  return known.reduce((best, one) => (distance(one) < distance(best) ? one : best));
}

/**
 * Finds the first parameter of a URL that would be ignored, or given twice: such a URL does not do what it says.
 * @returns one line that follows the name of the variable, or null
 */
export function faultOfParameters(text: string, { known, instead }: Parameters): string | null {
  const names = [...new URL(text).searchParams.keys()];
  const unknown = names.find((name) => !known.includes(name));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (unknown === undefined) return twice === undefined ? null : `must have the parameter ${twice} only once`;
  if (!SHOWN.test(unknown)) {
    return 'has a parameter that the service does not know: write ? and & of a password as %3F and %26';
  }
  const advice = Object.hasOwn(instead, unknown) ? instead[unknown] : undefined;
  if (advice !== undefined) return `must not have the parameter ${unknown}: ${advice}`;
  return `must not have the parameter ${unknown}, which the service does not know; ${nearestOf(unknown, known)} is the nearest that it does`;
}
