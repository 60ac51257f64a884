import { expect, test } from 'vitest';
import type { Center, Dispute, TimelineEntry } from '../../../ui/src/api-types.ts';
import { unseenDispute } from '../../../ui/src/attention/unseen.ts';

const NOTHING = { remindedAt: null, notifiedAt: null, seenAt: null };

/** What the two parties get of a request of the client, as far as it matters here. */
function centerOf(role: 'client' | 'freelancer', notice: Dispute['notice'] = NOTHING): Center {
  const openDispute = { id: 'dispute-1', respondent: { role: 'freelancer' }, notice };
  return { openDispute, viewer: { role } } as Partial<Center> as Center; // the rest is not looked at
}

const opened = { seq: 1, at: '', action: 'opened', actor: { role: 'client', id: 'user-7' } } satisfies TimelineEntry;
const seenBy = (role: 'client' | 'freelancer'): TimelineEntry => ({ seq: 2, at: '', action: 'seen', actor: { role } });

test.each(['client', 'freelancer'] as const)('a request that the %s has not seen is to be told of', (role) => {
  expect(unseenDispute(centerOf(role), [opened])).toBe('dispute-1');
});

test('a request is told of once by each party, and a look of the other party does not count', () => {
  expect(unseenDispute(centerOf('freelancer', { ...NOTHING, seenAt: '2026-11-23T10:00:00.000Z' }), [])).toBeNull();
  expect(unseenDispute(centerOf('client'), [opened, seenBy('client')])).toBeNull();
  expect(unseenDispute(centerOf('client'), [opened, seenBy('freelancer')])).toBe('dispute-1');
});

test('nothing is told of without an open request', () => {
  expect(unseenDispute(null, [])).toBeNull();
  expect(unseenDispute({ ...centerOf('client'), openDispute: null }, [])).toBeNull();
});
