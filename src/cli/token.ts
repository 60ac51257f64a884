import { parseArgs } from 'node:util';
import { mint } from './access.ts';

const USAGE = 'usage: npm run token -- --sub user-7 [--scope "orders:write disputes:read"]';

async function main(): Promise<string> {
  const { values } = parseArgs({ options: { sub: { type: 'string' }, scope: { type: 'string' } } });
  if (values.sub === undefined) throw new Error(USAGE);
  return await mint(process.env, { sub: values.sub, scope: values.scope });
}

try {
  process.stdout.write(`${await main()}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
