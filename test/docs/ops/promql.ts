/** A metric that an expression asks for, with the labels that it is asked by. */
export interface Asked {
  readonly metric: string;
  readonly labels: readonly string[];
}

const WORDS = new Set([
  'and',
  'or',
  'unless',
  'by',
  'without',
  'on',
  'ignoring',
  'group_left',
  'group_right',
  'offset',
]);
const GROUPING = /\b(by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g;
const TEXT = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g;

const labelsIn = (matchers: string): string[] =>
  [...matchers.matchAll(/([a-z_]\w*)\s*(?:=~|!~|!=|=)/gi)].map(([, label = '']) => label);

/** The metrics in an expression of PromQL, read off its text: names that are neither functions nor words of the language. */
export function metricsIn(expression: string): Asked[] {
  const plain = expression
    .replaceAll(TEXT, '""')
    .replaceAll(/\[[^\]]*\]/g, '')
    .replaceAll(/\boffset\s+\w+/g, '');
  const grouped = [...plain.matchAll(GROUPING)].flatMap(([, , labels = '']) =>
    labels.split(',').map((one) => one.trim()),
  );
  const selectors = plain
    .replaceAll(GROUPING, ' ')
    .matchAll(/(?<![\w$.])([a-z_:][\w:]*)(\{[^}]*\})?(?!\s*\()(?![\w:])/gi);
  return [...selectors]
    .map(([, metric = '', matchers = '']) => ({ metric, labels: labelsIn(matchers) }))
    .filter(({ metric }) => !WORDS.has(metric))
    .map(({ metric, labels }) => ({ metric, labels: [...labels, ...grouped.filter((label) => label !== 'le')] }));
}
