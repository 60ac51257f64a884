import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import openapiTypescript, { astToString } from 'openapi-typescript';
import { expect, test } from 'vitest';
import { api } from '../../../src/endpoints.ts';
import { apiDocument } from '../../../src/http/openapi/docs.ts';

// In a file of its own: it keeps its process busy for so long that a service in there would refuse calls.
test('the client is the one that the document makes (else: npm run openapi)', async () => {
  const ast = await openapiTypescript(JSON.stringify(apiDocument(api)), { defaultNonNullable: false });
  const generated = readFileSync(join(import.meta.dirname, 'api.d.ts'), 'utf8');
  expect(generated).toContain(astToString(ast).trim());
});
