import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { join } from 'node:path';
import { mintToken } from '../../../src/dev/development.ts';
import { freePort } from '../../../src/dev/embedded/processes.ts';
import { takeWalk } from '../../docs/walk.ts';
import { document, resolveRef } from '../../harness/api/document.ts';
import { TEST_SECRET } from '../../harness/client.ts';
import type { Running } from '../../harness/process.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { clientOf, walk } from '../../system/client/walk.ts';
import type { Stage, Tool } from './tool.ts';
import type { Toolbox } from './toolbox.ts';

const CHECKOUT = join(import.meta.dirname, '../../..');
const START_MS = 60_000;
/** Whom to contact is for the deployment to say, and not for the project. */
const EXPECTED_FINDINGS = ['info-contact'];

async function lint({ toolbox }: Stage): Promise<string> {
  const args = ['lint', 'openapi.json', '--ruleset', 'sources/configs/spectral.yaml', '--format', 'json', '--quiet'];
  const found = JSON.parse(await toolbox.run('spectral', [...args, '--fail-severity', 'error'])) as {
    readonly code: string;
  }[];
  deepStrictEqual(
    found.map(({ code }) => code),
    EXPECTED_FINDINGS,
  );
  return 'no errors; one warning, `info-contact`: whom to contact is for the deployment to say';
}

/** Starts Prism and waits until it listens. */
async function startPrism(toolbox: Toolbox, args: readonly string[]): Promise<Running & { readonly url: string }> {
  const port = await freePort();
  const running = toolbox.start('prism', [...args, '--host', '127.0.0.1', '--port', String(port)]);
  await waitFor(
    'Prism listens',
    () => {
      if (running.child.exitCode !== null) throw new Error(`Prism ended: ${running.stdout()}${running.stderr()}`);
      return running.stdout().includes('Prism is listening');
    },
    START_MS,
  );
  return { ...running, url: `http://127.0.0.1:${port}` };
}

const token = async (sub: string, scope?: string) => await mintToken(TEST_SECRET, { sub, scope });

/** What Prism found to be otherwise than in the document. */
const complaintsIn = (log: string) => log.split('\n').filter((line) => /violation|error|warning/i.test(line));

async function proxy({ toolbox, service }: Stage): Promise<string> {
  const prism = await startPrism(toolbox, ['proxy', 'openapi.json', service.url, '--errors']);
  const { printed, promised } = await takeWalk(prism.url, CHECKOUT, { AUTH_SECRET: TEST_SECRET });
  deepStrictEqual(printed, promised);
  const callers = [await token('order-service', 'orders:write'), await token('user-7'), await token('user-9')] as const;
  const [orders, client, freelancer] = callers.map((bearer) => clientOf(prism.url, bearer));
  if (orders === undefined || client === undefined || freelancer === undefined) throw new Error('three callers');
  const { resolution } = await walk(orders, client, freelancer, 'order-of-prism');
  strictEqual(resolution, 'accepted');
  deepStrictEqual(complaintsIn(prism.stdout()), []);
  // Prism does look: it refuses what the document does not allow.
  const refused = await fetch(`${prism.url}/v1/orders/order-of-prism`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${callers[0]}`, 'content-type': 'application/json' },
    body: JSON.stringify({ revision: 'one' }),
  });
  const { type } = (await refused.json()) as { readonly type: string };
  deepStrictEqual([refused.status, type], [422, 'https://stoplight.io/prism/errors#UNPROCESSABLE_ENTITY']);
  return 'works: no request and no answer that the document forbids, refusals included';
}

interface MockedOperation {
  readonly parameters?: readonly { readonly in?: string; readonly name?: string; readonly example?: unknown }[];
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly examples?: Record<string, unknown> }>> }>
  >;
}

/** The JSON that the document has as examples of a success. */
function examplesOf({ responses }: MockedOperation): unknown[] {
  const examples = Object.entries(responses)
    .filter(([status]) => status.startsWith('2'))
    .flatMap(([, { content = {} }]) => Object.values(content['application/json']?.examples ?? {}));
  return examples.map((example) => {
    const { $ref } = example as { readonly $ref?: string };
    return ((typeof $ref === 'string' ? resolveRef($ref) : example) as { readonly value: unknown }).value;
  });
}

function addressOf(path: string, { parameters = [] }: MockedOperation): string {
  return parameters
    .filter((parameter) => parameter.in === 'path')
    .reduce((address, { name, example }) => address.replace(`{${name}}`, String(example)), path);
}

async function mock({ toolbox }: Stage): Promise<string> {
  const prism = await startPrism(toolbox, ['mock', 'openapi.json']);
  const reads = Object.entries(document.paths).flatMap(([path, { get }]) => {
    const operation = get as unknown as MockedOperation | undefined;
    return operation === undefined ? [] : [{ path, operation, examples: examplesOf(operation) }];
  });
  // Without an example are streams and metrics, which are no JSON.
  const mocked = reads.filter(({ examples }) => examples.length > 0);
  for (const { path, operation, examples } of mocked) {
    const answer = await fetch(prism.url + addressOf(path, operation), { headers: { authorization: 'Bearer any' } });
    strictEqual(answer.status, 200, `${path}: ${await answer.clone().text()}`);
    const body: unknown = await answer.json();
    deepStrictEqual(
      examples.some((example) => JSON.stringify(example) === JSON.stringify(body)),
      true,
      path,
    );
  }
  return `works: each of ${mocked.length} addresses that can be read answers with an example that was recorded from the service`;
}

/** What reads the document itself. */
export const DOCUMENT_TOOLS: readonly Tool[] = [
  {
    name: 'spectral',
    packages: ['@stoplight/spectral-cli'],
    done: '`spectral lint` with the recommended rules of `spectral:oas`',
    tryOut: lint,
  },
  {
    name: 'prism proxy',
    packages: ['@stoplight/prism-cli'],
    done: "`prism proxy --errors` between the service and the README's walk, and a client made with openapi-fetch",
    tryOut: proxy,
  },
  {
    name: 'prism mock',
    packages: ['@stoplight/prism-cli'],
    done: '`prism mock`, and every `GET` with the parameters of the document',
    tryOut: mock,
  },
];
