import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Profile } from './flame.ts';

const BUNDLE = /^file:.*\/dist\/[^/]+\.js$/;

// The maps of drizzle-orm name its sources as if they stood beside its directory.
const placed = (source: string): string => source.replace('/node_modules/src/', '/node_modules/drizzle-orm/src/');

/** A profile of the bundled service, in which each call is where its source has it: without, all of it is one file's. */
export function inSources(profile: Profile): Profile {
  const maps = new Map<string, SourceMap>();
  const mapOf = (url: string): SourceMap => {
    const map = maps.get(url) ?? new SourceMap(JSON.parse(readFileSync(`${fileURLToPath(url)}.map`, 'utf8')));
    maps.set(url, map);
    return map;
  };
  const nodes = profile.nodes.map((node) => {
    const { url, lineNumber, columnNumber } = node.callFrame;
    if (!BUNDLE.test(url)) return node;
    const entry = mapOf(url).findEntry(lineNumber, columnNumber);
    if (!('originalSource' in entry)) return node;
    return {
      ...node,
      callFrame: { ...node.callFrame, url: placed(entry.originalSource), lineNumber: entry.originalLine },
    };
  });
  return { ...profile, nodes };
}
