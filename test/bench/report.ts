import { isReached, median, type Row, ratioOf } from './row.ts';

const LARGE = 100;

/** A figure with as many digits as say something. */
const figure = (value: number): string =>
  value >= LARGE ? Math.round(value).toLocaleString('en') : value.toFixed(value >= 10 ? 1 : 2);

function spread(values: readonly number[]): string {
  const sorted = [...values].sort((one, other) => one - other);
  const [least = 0, most = 0] = [sorted[0], sorted.at(-1)];
  return values.length < 2 ? figure(median(values)) : `${figure(median(values))} (${figure(least)}–${figure(most)})`;
}

function reachOf({ reach }: Row): string {
  if (reach === null) return '–';
  return 'atLeast' in reach ? `≥ ${reach.atLeast}` : `≤ ${reach.atMost}`;
}

function verdictOf(row: Row): string {
  const reached = isReached(row);
  if (reached === null) return '–';
  return reached ? 'reached' : '**not reached**';
}

/** The table of the page: medians over the rounds, the smallest and the largest in parentheses. */
export function tableOf(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const cells = [
      row.what,
      row.against,
      `${spread(row.ours)} ${row.unit}`,
      `${spread(row.theirs)} ${row.unit}`,
      `**${ratioOf(row).toFixed(2)}**`,
      reachOf(row),
      verdictOf(row),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  const more = rows.flatMap(({ what, more: figures = {} }) =>
    Object.entries(figures).map(
      ([name, value]) => `- ${what}: ${name} ${typeof value === 'number' ? figure(value) : value}`,
    ),
  );
  return [
    '| what | measured against | ours | the other | ratio | reach | |',
    '|---|---|---|---|---|---|---|',
    ...lines,
    ...(more.length === 0 ? [] : ['', ...more]),
  ].join('\n');
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const WIDTH = 760;
const LABEL = 330;
const BAR = 14;
const GROUP = 62;

/** A plot of one unit: for each row a bar of ours and one of the other, with the range over the rounds. */
export function plotOf(title: string, rows: readonly Row[]): string {
  const most = Math.max(...rows.flatMap(({ ours, theirs }) => [...ours, ...theirs]), 1e-9);
  const x = (value: number) => LABEL + (value / most) * (WIDTH - LABEL - 90);
  const bar = (values: readonly number[], top: number, colour: string) => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const middle = median(values);
    const y = top + BAR / 2;
    return [
      `<rect x="${LABEL}" y="${top}" width="${(x(middle) - LABEL).toFixed(1)}" height="${BAR}" fill="${colour}"/>`,
      `<line x1="${x(low).toFixed(1)}" x2="${x(high).toFixed(1)}" y1="${y}" y2="${y}" stroke="#222"/>`,
      `<text x="${(x(high) + 6).toFixed(1)}" y="${top + 11}">${figure(middle)}</text>`,
    ].join('');
  };
  const groups = rows.map((row, index) => {
    const top = 40 + index * GROUP;
    return [
      `<text x="0" y="${top + 11}" font-weight="bold">${escaped(row.name)}</text>`,
      `<text x="0" y="${top + 28}" fill="#666">${escaped(row.against.slice(0, 54))}</text>`,
      bar(row.ours, top, '#1f6feb'),
      bar(row.theirs, top + BAR + 3, '#bbb'),
    ].join('');
  });
  const height = 50 + rows.length * GROUP;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<title>${escaped(title)}</title>`,
    '<rect width="100%" height="100%" fill="#fff"/>',
    `<text x="0" y="18" font-size="15">${escaped(title)} (blue: ours; grey: the other; lines: least to most)</text>`,
    ...groups,
    '</svg>',
    '',
  ].join('\n');
}
