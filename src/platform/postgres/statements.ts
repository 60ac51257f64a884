import { createHash } from 'node:crypto';

/**
 * Names for statements, under which a connection keeps them parsed and planned: more than half of what our transactions
 * cost the server is spent on that otherwise.
 */
export interface StatementNames {
  /** The name of a statement, or undefined where it must go without. */
  readonly of: (text: string) => string | undefined;
  /** Goes without names from now on: a pooler between us and the server shares connections and does not keep prepared statements. */
  readonly giveUp: () => void;
}

// Each of them is kept by each connection, so there must not be as many as there are lengths of lists.
const MOST = 200;

export function createStatementNames(): StatementNames {
  const names = new Map<string, string>();
  let gaveUp = false;
  return {
    of: (text) => {
      if (gaveUp) return undefined;
      const known = names.get(text);
      if (known !== undefined || names.size >= MOST) return known;
      const name = `s_${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
      names.set(text, name);
      return name;
    },
    giveUp: () => {
      gaveUp = true;
    },
  };
}
