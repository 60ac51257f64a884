import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { apiDocument } from '../http/docs.ts';

const FILE = join(import.meta.dirname, '../../openapi/openapi.json');

await writeFile(FILE, `${JSON.stringify(apiDocument(), null, 2)}\n`);
process.stdout.write(`wrote ${FILE}\n`);
