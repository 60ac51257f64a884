import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { ROOT } from '../../platform/root.ts';
import { VERSION } from '../../platform/version.ts';
import { type ServedText, sendText, servedText } from './served-text.ts';

const SCRIPT = join(ROOT, 'dist/ui/resolution-center.js');

/** A file whose name has the digest of its content never changes. */
const IMMUTABLE = 'public, max-age=31536000, immutable';

/** Pages of every origin may load the web component, as they may load any public script; it grants nothing by itself. */
const FOR_EVERY_ORIGIN = { 'access-control-allow-origin': '*', 'cross-origin-resource-policy': 'cross-origin' };

interface UiFiles {
  readonly script: ServedText;
  /** The address of exactly this content. */
  readonly hashedPath: string;
  readonly manifest: ServedText;
}

function readUiFiles(): UiFiles | null {
  // Only a build makes it: the service that runs from its sources has no page to serve.
  if (!existsSync(SCRIPT)) return null;
  const text = readFileSync(SCRIPT, 'utf8');
  const script = servedText('text/javascript; charset=utf-8', text);
  const hashedPath = `/ui/resolution-center.${script.digest}.js`;
  const integrity = `sha384-${createHash('sha384').update(text).digest('base64')}`;
  const manifest = { version: VERSION, script: hashedPath, integrity };
  return { script, hashedPath, manifest: servedText('application/json; charset=utf-8', JSON.stringify(manifest)) };
}

/**
 * Serves the web component: at /ui/resolution-center.js, where caches revalidate it, and under a name with the digest of its
 * content, which /ui/manifest.json tells with the value of `integrity`.
 */
export function registerUiFiles(app: FastifyInstance): void {
  const files = readUiFiles();
  if (files === null) return;
  const { script, hashedPath, manifest } = files;
  const serve = (path: string, served: ServedText, cacheControl?: string) =>
    app.get(path, (request, reply) => sendText(served, request, reply.headers(FOR_EVERY_ORIGIN), cacheControl));
  serve('/ui/resolution-center.js', script);
  serve(hashedPath, script, IMMUTABLE);
  serve('/ui/manifest.json', manifest);
}
