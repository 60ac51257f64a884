import { join } from 'node:path';

/** What was recorded last, from which the OpenAPI document has its examples. */
export const FILE = join(import.meta.dirname, '../../openapi/examples.json');
