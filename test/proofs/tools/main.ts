import { runCleanups } from '../../harness/cleanup.ts';
import { startProcess } from '../../harness/process.ts';
import setUp from '../../harness/run/global-setup.ts';
import { flag, readOptions, text } from '../../harness/run/options.ts';
import { putBetweenMarkers } from '../../harness/stage/docs.ts';
import { SANDBOX } from '../../harness/test-clocks.ts';
import { servePages } from '../../system/browser/pages.ts';
import { DOCUMENT_TOOLS } from './document-tools.ts';
import { GENERATED } from './generators.ts';
import { STREAM_CLIENTS } from './stream-clients.ts';
import type { Stage, Tool } from './tool.ts';
import { installTools } from './toolbox.ts';
import { WEBHOOK_LIBRARIES } from './webhook-libraries.ts';

const options = readOptions('test:tools', 'Tries other tools with the service and its OpenAPI document.', {
  only: text('TEXT', 'only the tools with this in their names'),
  'write-docs': flag('put the table into docs/tools.md'),
});

const TOOLS = [...GENERATED, ...DOCUMENT_TOOLS, ...WEBHOOK_LIBRARIES, ...STREAM_CLIENTS];
const HEAD = ['| tool | version | what was done | result |', '|---|---|---|---|'];

async function versionsOf({ packages }: Tool, { toolbox }: Stage): Promise<string> {
  const [own = '', ...others] = await Promise.all(
    packages.map(async (name, index) => `${index === 0 ? '' : `${name} `}${await toolbox.versionOf(name)}`),
  );
  return [own, ...others].join(', ');
}

async function makeStage(): Promise<Stage> {
  const pages = await servePages();
  const env = { WEBHOOK_ALLOW_INSECURE: 'true', ...SANDBOX, PROXY_HOPS: '1', CORS_ORIGINS: pages.origin };
  const [toolbox, service] = await Promise.all([installTools(), startProcess({ env })]);
  return { toolbox, service, pages };
}

async function runTable(tools: readonly Tool[]): Promise<{ lines: string[]; failed: number }> {
  const stage = await makeStage();
  const lines: string[] = [];
  let failed = 0;
  for (const tool of tools) {
    const result = await tool.tryOut(stage).catch((error: unknown) => {
      failed += 1;
      console.error(error);
      return `**fails**: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`;
    });
    const line = `| ${tool.name} | ${await versionsOf(tool, stage)} | ${tool.done} | ${result.replaceAll('|', '\\|')} |`;
    lines.push(line);
    console.log(line);
  }
  return { lines, failed };
}

const chosen = TOOLS.filter(({ name }) => name.includes(options.only));
if (chosen.length === 0) throw new Error(`no tool has ${options.only} in its name`);
if (options['write-docs'] && chosen.length < TOOLS.length)
  throw new Error('--write-docs needs all tools, without --only');
await setUp();
const { lines, failed } = await runTable(chosen);
if (options['write-docs']) putBetweenMarkers('tools.md', 'tools', `${[...HEAD, ...lines].join('\n')}\n`);
await runCleanups();
await globalThis.testRun?.stop();
process.exit(failed === 0 ? 0 : 1);
