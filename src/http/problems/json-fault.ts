const MAX_DEPTH = 32;

const TOO_DEEP = 'The body is nested too deeply.';
const TWICE = 'An object of the body has two members of the same name; parsers disagree about which one counts.';

/** Where the string that begins at a position ends: behind its closing quote, or behind the text if there is none. */
function endOfString(text: string, begin: number): number {
  for (let at = begin + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '"') return at + 1;
  }
  return text.length;
}

/** A string without its quotes and escapes; as it stands where it is no JSON, which the parser will say. */
function unescaped(quoted: string): string {
  if (!quoted.includes('\\')) return quoted.slice(1, -1);
  try {
    return String(JSON.parse(quoted));
  } catch {
    return quoted;
  }
}

const NAME_FOLLOWS = /\s*:/y;

function isName(text: string, end: number): boolean {
  NAME_FOLLOWS.lastIndex = end;
  return NAME_FOLLOWS.test(text);
}

/**
 * Finds what a JSON parser lets pass and must not: values nested so deeply that code which walks through them would run
 * out of stack, and members that come twice, of which a parser keeps one.
 * @returns a sentence for the caller, or null
 */
export function jsonFault(text: string): string | null {
  const open: Set<string>[] = [];
  for (let at = 0; at < text.length; ) {
    const char = text[at];
    if (char === '"') {
      const end = endOfString(text, at);
      const names = open.at(-1);
      if (names !== undefined && isName(text, end)) {
        const name = unescaped(text.slice(at, end));
        if (names.has(name)) return TWICE;
        names.add(name);
      }
      at = end;
      continue;
    }
    if (char === '{' || char === '[') open.push(new Set());
    else if (char === '}' || char === ']') open.pop();
    if (open.length > MAX_DEPTH) return TOO_DEEP;
    at += 1;
  }
  return null;
}
