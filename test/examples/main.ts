import { writeFile } from 'node:fs/promises';
import { runCleanups } from '../harness/cleanup.ts';
import setUp from '../harness/run/global-setup.ts';
import { FILE } from './file.ts';
import { recordExamples } from './record.ts';

// npm run openapi:examples: writes openapi/examples.json, from what the service answers.

await setUp();
try {
  await writeFile(FILE, `${JSON.stringify(await recordExamples(), null, 2)}\n`);
  process.stdout.write(`wrote ${FILE}\n`);
} finally {
  await runCleanups();
  await globalThis.testRun?.stop();
}
