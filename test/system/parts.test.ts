import { beforeAll, describe, expect, test } from 'vitest';
import { type ServiceProcess, startProcess } from '../harness/process.ts';
import { seedDispute } from '../harness/seed.ts';
import { waitFor } from '../harness/wait-for.ts';
import { asker, bearer } from '../http/server/board.ts';

// These parts find files beside themselves or are loaded while the service runs: a bundle can break each on its own.
let service: ServiceProcess;
beforeAll(async () => {
  service = await startProcess({ env: { OTEL_TRACES_EXPORTER: 'console', OTEL_BSP_SCHEDULE_DELAY: '50' } });
});

/** The addresses of the files that a page loads, by its own base. */
function filesOf(html: string, page: string): string[] {
  const base = new URL(/<base href="([^"]+)"/.exec(html)?.[1] ?? '.', page);
  return [...html.matchAll(/(?:src|href)="([^"]+\.(?:js|css|svg|png|ico)[^"]*)"/g)]
    .map(([, path = '']) => new URL(path, base).href)
    .filter((address) => address.startsWith(service.url));
}

describe('the built service', () => {
  test.each([
    ['/docs', 3],
    ['/ops/queues', 2],
  ])('serves the page %s with every file that it loads', async (path, atLeast) => {
    const ask = asker(service.url);
    const as = await bearer('an-operator', 'ops');
    const page = await waitFor('the page is there', async () => {
      const answer = await ask(path, { as });
      return answer.ok && answer;
    });
    const files = filesOf(await page.text(), page.url.endsWith('/') ? page.url : `${page.url}/`);
    expect(files.length).toBeGreaterThanOrEqual(atLeast);
    const answers = await Promise.all(files.map(async (file) => [file, (await ask(file, { as })).status]));
    expect(answers.filter(([, status]) => status !== 200)).toEqual([]);
  });

  test('shows its queue, which tells that Redis and its scripts are reached', async () => {
    const as = await bearer('an-operator', 'ops');
    await seedDispute(service, 'cancellation');
    const counts = await waitFor('the timer is in the queue', async () => {
      const answer = await asker(service.url)('/ops/queues/api/queues', { as });
      const { queues } = (await answer.json()) as { queues: { counts: Record<string, number> }[] };
      return (queues[0]?.counts['delayed'] ?? 0) > 0 && queues[0]?.counts;
    });
    expect(counts).toMatchObject({ failed: 0 });
  });

  test('serves its document and its metrics', async () => {
    const anonymous = service.withAuthorization(null);
    expect((await anonymous.get<{ openapi: string }>('/openapi.json')).body.openapi).toMatch(/^3\.1/);
    expect((await anonymous.get('/metrics')).text).toContain('process_resident_memory_bytes');
  });

  test('traces what it does', async () => {
    await waitFor('a span is written', () => /name: '(POST|PUT|GET) \/v1/.test(service.stdout()));
  });

  test('has written nothing to stderr, and no error to its log', () => {
    expect(service.stderr()).toBe('');
    expect(service.stdout()).not.toMatch(/"level":[56]0/);
  });
});
