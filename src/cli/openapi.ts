import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { api } from '../endpoints.ts';
import { apiDocument } from '../http/openapi/docs.ts';
import { ROOT } from '../platform/root.ts';

const FILE = join(ROOT, 'openapi/openapi.json');

await writeFile(FILE, `${JSON.stringify(apiDocument(api), null, 2)}\n`);
process.stdout.write(`wrote ${FILE}\n`);
