/** A CPU profile as the inspector gives it, as far as it is needed here. */
export interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      readonly lineNumber: number;
      readonly columnNumber: number;
    };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

interface Frame {
  readonly name: string;
  /** The package that it belongs to, or the part of the service. */
  readonly part: string;
  /** In microseconds, with what it calls and without. */
  total: number;
  self: number;
  readonly children: Map<string, Frame>;
}

const frame = (name: string, part: string): Frame => ({ name, part, total: 0, self: 0, children: new Map() });

function partOf(url: string, functionName: string): string {
  const dependency = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  if (dependency !== undefined) return dependency;
  const own = /\/(src\/\w+)/.exec(url)?.[1];
  if (own !== undefined) return own;
  if (url.startsWith('node:')) return 'node';
  return functionName === '(garbage collector)' ? 'garbage collection' : 'node, native';
}

// Time in which nothing ran, and what measuring takes.
const isWaiting = (functionName: string): boolean => ['(idle)', '(program)', 'dispatch'].includes(functionName);

/** The calls of a profile, one tree for all of its time; what was spent waiting is left out. */
function treeOf({ nodes, samples, timeDeltas }: Profile): Frame {
  const selfUs = new Map<number, number>();
  samples.forEach((id, index) => {
    selfUs.set(id, (selfUs.get(id) ?? 0) + (timeDeltas[index] ?? 0));
  });
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const add = (id: number, parent: Frame): number => {
    const node = byId.get(id);
    if (node === undefined || isWaiting(node.callFrame.functionName)) return 0;
    const { functionName, url, lineNumber } = node.callFrame;
    const place = url === '' ? '' : ` ${url.replace(/^.*\/node_modules\/|^.*\/src\//, '')}:${lineNumber + 1}`;
    const name = `${functionName === '' ? '(anonymous)' : functionName}${place}`;
    const child = parent.children.get(name) ?? frame(name, partOf(url, functionName));
    parent.children.set(name, child);
    const self = selfUs.get(id) ?? 0;
    const total = (node.children ?? []).reduce((sum, below) => sum + add(below, child), self);
    child.self += self;
    child.total += total;
    return total;
  };
  const root = frame('all', '');
  const first = nodes[0];
  for (const id of first?.children ?? []) root.total += add(id, root);
  return root;
}

/** How much of the time goes to which part, the largest first: what each does itself, in percent. */
export function partsOf(profile: Profile): { part: string; percent: number }[] {
  const root = treeOf(profile);
  const sums = new Map<string, number>();
  const visit = ({ part, self, children }: Frame) => {
    sums.set(part, (sums.get(part) ?? 0) + self);
    for (const child of children.values()) visit(child);
  };
  for (const child of root.children.values()) visit(child);
  return [...sums]
    .map(([part, self]) => ({ part, percent: (100 * self) / root.total }))
    .sort((one, other) => other.percent - one.percent);
}

const WIDTH = 1_200;
const ROW = 16;
/** Narrower ones say nothing. */
const LEAST = 1.5;
const LETTER = 6.2;
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** One colour for each part, and warm ones for the service's own. */
function colourOf(part: string): string {
  const hash = [...part].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 360, 7);
  return part.startsWith('src/') ? `hsl(${10 + (hash % 35)},85%,68%)` : `hsl(${170 + (hash % 120)},40%,75%)`;
}

/** A flame graph: as wide as the time, callers below, what they call above. */
export function flameGraphOf(title: string, profile: Profile): string {
  const root = treeOf(profile);
  const rows: string[] = [];
  let depth = 0;
  const draw = (parent: Frame, left: number, level: number) => {
    let x = left;
    for (const child of [...parent.children.values()].sort((one, other) => other.total - one.total)) {
      const width = (child.total / root.total) * WIDTH;
      if (width >= LEAST) {
        depth = Math.max(depth, level + 1);
        const percent = ((100 * child.total) / root.total).toFixed(1);
        const label = child.name.slice(0, Math.floor(width / LETTER));
        rows.push(
          `<g transform="translate(${x.toFixed(1)},-${(level + 1) * ROW})"><title>${escaped(child.name)} (${escaped(child.part)}), ${percent} %</title>`,
          `<rect width="${width.toFixed(1)}" height="${ROW - 1}" fill="${colourOf(child.part)}"/>`,
          ...(label.length > 2 ? [`<text x="2" y="11">${escaped(label)}</text>`] : []),
          '</g>',
        );
        draw(child, x, level + 1);
      }
      x += width;
    }
  };
  draw(root, 0, 0);
  const height = 30 + depth * ROW;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="monospace" font-size="10">`,
    `<title>${escaped(title)}</title>`,
    '<rect width="100%" height="100%" fill="#fff"/>',
    `<text x="4" y="16" font-size="13" font-family="sans-serif">${escaped(title)} (warm: the service's own)</text>`,
    `<g transform="translate(0,${height})">`,
    ...rows,
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}
