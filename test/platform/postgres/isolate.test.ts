import { describe, expect, test } from 'vitest';
import { CommitUnknownError } from '../../../src/platform/postgres/database.ts';
import { type Groups, isolate } from '../../../src/platform/postgres/isolate.ts';

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

function worker(bad: readonly number[]) {
  const done: number[] = [];
  const aside: number[] = [];
  let batches = 0;
  const work = async (items: readonly number[]) => {
    batches += 1;
    if (items.some((item) => bad.includes(item))) throw new Error('a bad row');
    done.push(...items);
    return items.length;
  };
  const setAside = (item: number) => {
    aside.push(item);
  };
  return { work, setAside, done, aside, batches: () => batches };
}

describe('one bad item never stops its neighbours', () => {
  test.each([[[]], [[0]], [[499]], [[0, 1, 250, 499]], [upTo(500)]])('with %j bad among 500', async (bad) => {
    for (const isInOrder of [undefined, true] as const) {
      const it = worker(bad);
      await isolate([upTo(500)], { ...it, ...(isInOrder && { isInOrder }) });
      expect(it.done.toSorted((a, b) => a - b)).toEqual(upTo(500).filter((item) => !bad.includes(item)));
      expect(it.aside.toSorted((a, b) => a - b)).toEqual(bad);
      expect(it.batches()).toBeLessThanOrEqual(1 + 20 * Math.max(bad.length, 0));
    }
  });

  test('items keep their order where a position is moved with them', async () => {
    const it = worker([7]);
    await isolate([upTo(20)], { ...it, isInOrder: true });
    expect(it.done).toEqual(upTo(20).filter((item) => item !== 7));
  });

  test('a transient failure says nothing about a row: it is thrown, and what is left stays, narrowed down', async () => {
    const groups: Groups<number> = [upTo(8)];
    const lost = new CommitUnknownError(new Error('the connection was lost'));
    const aside: number[] = [];
    const how = { setAside: (item: number) => void aside.push(item) };
    const fails = isolate(groups, { ...how, work: () => Promise.reject(lost) });
    await expect(fails).rejects.toBe(lost);
    expect(groups).toEqual([upTo(4), [4, 5, 6, 7]]);
    expect(await isolate(groups, { ...how, work: async (items) => items.length })).toEqual([4, 4]);
    expect([groups, aside]).toEqual([[], []]);
  });

  test('an item that cannot be noted stays among the groups', async () => {
    const groups: Groups<number> = [[1]];
    const failing = isolate(groups, {
      work: () => Promise.reject(new Error('a bad row')),
      setAside: () => Promise.reject(new Error('nothing can be noted')),
    });
    await expect(failing).rejects.toThrow('nothing can be noted');
    expect(groups).toEqual([[1]]);
  });
});
