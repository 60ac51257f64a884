import { parseArgs } from 'node:util';

/** One option of a command: what its help says, and what it is when the command line does not give it. */
interface Option<T> {
  readonly help: string;
  readonly usual: T;
  /** How the help calls the value: `N`; nothing for a switch, which takes no value. */
  readonly placeholder?: string;
  /** @throws Error that says what the value has to be */
  readonly read: (text: string) => T;
}

type Options = Readonly<Record<string, Option<unknown>>>;
export type ValuesOf<O extends Options> = { readonly [Name in keyof O]: O[Name]['usual'] };

/** A number of zero or more. */
export function number(usual: number, help: string): Option<number>;
/** A number of zero or more, or nothing: what is usual depends on another option. */
export function number(usual: undefined, help: string): Option<number | undefined>;
export function number(usual: number | undefined, help: string): Option<number | undefined> {
  const read = (text: string): number => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value) || value < 0)
      throw new Error(`has to be a number, not "${text}"`);
    return value;
  };
  return { help, usual, placeholder: 'N', read };
}

/** A text, which is empty when it is not given. */
export function text(placeholder: string, help: string): Option<string> {
  return { help, usual: '', placeholder, read: (given) => given };
}

/** One of some words, of which the first is usual. */
export function oneOf<const T extends string>(words: readonly [T, ...T[]], help: string): Option<T> {
  const read = (given: string): T => {
    const word = words.find((one) => one === given);
    if (word === undefined) throw new Error(`has to be one of ${words.join(', ')}, not "${given}"`);
    return word;
  };
  return { help: `${help}: ${words.join(', ')}`, usual: words[0], placeholder: 'NAME', read };
}

/** A switch. */
export function flag(help: string): Option<boolean> {
  return { help, usual: false, read: () => true };
}

function helpOf(command: string, about: string, options: Options): string {
  const lines = Object.entries(options).map(([name, { help, usual, placeholder }]) => {
    const usually = typeof usual === 'number' || (typeof usual === 'string' && usual !== '') ? `; ${usual}` : '';
    return `  ${`--${name}${placeholder === undefined ? '' : ` ${placeholder}`}`.padEnd(22)} ${help}${usually}`;
  });
  return [`npm run ${command} -- [options]`, '', about, '', ...lines, ''].join('\n');
}

/**
 * What a command line gives for a command's options, and what is usual for the others.
 * @throws Error that says which part of it cannot be understood
 */
export function parseOptions<O extends Options>(options: O, args: readonly string[]): ValuesOf<O> {
  const { values } = parseArgs({
    args: [...args],
    options: Object.fromEntries(
      Object.entries(options).map(([name, { placeholder }]) => [
        name,
        { type: placeholder === undefined ? ('boolean' as const) : ('string' as const) },
      ]),
    ),
  });
  const read = Object.entries(options).map(([name, option]) => {
    const given = values[name];
    try {
      return [name, given === undefined ? option.usual : option.read(String(given))];
    } catch (error) {
      throw new Error(`--${name} ${error instanceof Error ? error.message : String(error)}`);
    }
  });
  // Each value was made by the option of its name.
  return Object.fromEntries(read) as ValuesOf<O>;
}

/**
 * The options of this process. `--help` prints them and ends it with 0; a command line that cannot be understood ends it with
 * 2, before anything was started.
 * @param command its name in package.json
 * @param about what it does, in a sentence
 */
export function readOptions<O extends Options>(command: string, about: string, options: O): ValuesOf<O> {
  const args = process.argv.slice(2);
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(helpOf(command, about, options));
    process.exit(0);
  }
  try {
    return parseOptions(options, args);
  } catch (error) {
    process.stderr.write(
      `${error instanceof Error ? error.message : String(error)}\n\n${helpOf(command, about, options)}`,
    );
    process.exit(2);
  }
}
