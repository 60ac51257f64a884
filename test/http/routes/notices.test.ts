import { beforeAll, describe, expect, test } from 'vitest';
import { LIMITS } from '../../../src/domain/rules.ts';
import { letTimePass } from '../../harness/database.ts';
import { CLIENT, FREELANCER, seedDispute, seedOrder } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import type { Dispute, EventPage, Order, Timeline } from '../../harness/types.ts';

const NOTHING = { remindedAt: null, notifiedAt: null, seenAt: null };
const HOUR = 3_600_000;

let service: Service;
beforeAll(async () => {
  service = await startService({ role: 'api', env: { REMINDERS: 'PT2H' } });
});

const seen = (id: string, sub: string, query = '', headers = {}) =>
  service.as(sub).post<Dispute>(`/v1/disputes/${id}/seen${query}`, undefined, headers);
const mailer = () => service.withScopes('notices:write');
const notify = (id: string, over: object = {}, query = '', headers = {}) =>
  mailer().post<Dispute & { dispute: Dispute; effects: { events: string[] } }>(
    `/v1/disputes/${id}/notices${query}`,
    { role: 'freelancer', channel: 'email', deliveredAt: new Date().toISOString(), ...over },
    headers,
  );
const read = async (id: string, sub = CLIENT) => (await service.as(sub).get<Dispute>(`/v1/disputes/${id}`)).body;
const timelineOf = async (id: string) =>
  (await service.as(CLIENT).get<Timeline>(`/v1/disputes/${id}/timeline`)).body.data;
const eventsOf = async (orderId: string) =>
  (await service.withScopes('events:read').get<EventPage>(`/v1/events?orderId=${orderId}`)).body.data;

describe('seen', () => {
  test('tells the opener when the respondent saw the dispute, and counts once', async () => {
    const opened = await seedDispute(service, 'cancellation');
    expect(opened.notice).toEqual(NOTHING);
    const first = await seen(opened.id, FREELANCER);
    expect(first).toMatchObject({ status: 200, body: { version: 2, viewer: { role: 'freelancer' } } });
    const { seenAt } = first.body.notice;
    expect(first.body.notice).toEqual({ ...NOTHING, seenAt: first.body.updatedAt });
    const again = await seen(opened.id, FREELANCER);
    expect([again.status, again.body.notice.seenAt, again.body.version]).toEqual([200, seenAt, 2]);
    expect((await read(opened.id)).notice).toEqual({ ...NOTHING, seenAt });
    const byService = await service.withScopes('disputes:read').get<Dispute>(`/v1/disputes/${opened.id}`);
    expect(byService.body.notice.seenAt).toBe(seenAt);
  });

  test('of the opener is in the timeline, and no notice of the respondent', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    expect((await seen(id, CLIENT)).body.notice).toEqual(NOTHING);
    expect(await timelineOf(id)).toMatchObject([
      { action: 'opened' },
      { action: 'seen', actor: { role: 'client', id: CLIENT }, fromStatus: 'open', toStatus: 'open' },
    ]);
  });

  test('changes the entity tag, and an answer that names the one before it still counts', async () => {
    const opened = await seedDispute(service, 'cancellation');
    const before = await read(opened.id, FREELANCER);
    const after = await seen(opened.id, FREELANCER, '', { 'if-match': before.etag });
    expect(after.body.etag).not.toBe(before.etag);
    const unchanged = await service.as(FREELANCER).get(`/v1/disputes/${opened.id}`, { 'if-none-match': before.etag });
    expect(unchanged.status).toBe(200);
    const answered = await service
      .as(FREELANCER)
      .post(`/v1/disputes/${opened.id}/decline`, {}, { 'if-match': before.etag });
    expect(answered.status).toBe(200);
    const stale = await seen(opened.id, CLIENT, '', { 'if-match': before.etag });
    expect(stale).toMatchObject({ status: 412, code: 'version_mismatch' });
  });

  test('is for the parties alone, and takes no body', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    expect((await seen(id, 'user-1')).code).toBe('not_found');
    expect((await service.withScopes('disputes:read').post(`/v1/disputes/${id}/seen`)).code).toBe('forbidden');
    const answer = await service.as(FREELANCER).post(`/v1/disputes/${id}/seen`, { role: 'client' });
    expect(answer).toMatchObject({ status: 400, code: 'validation_failed' });
  });
});

describe('a notice', () => {
  test('tells when the respondent was notified, and its event whom, how and when', async () => {
    const { id, orderId, openedAt } = await seedDispute(service, 'cancellation');
    const deliveredAt = new Date(Date.parse(openedAt) + 1).toISOString();
    const told = await notify(id, { deliveredAt, channel: 'push_web-1' });
    expect(told.body.notice).toEqual({ ...NOTHING, notifiedAt: deliveredAt });
    expect([told.body.comment, told.body.viewer]).toEqual([undefined, undefined]);
    const event = (await eventsOf(orderId)).at(-1);
    const notification = { role: 'freelancer', channel: 'push_web-1', deliveredAt };
    expect(event).toMatchObject({
      type: 'dispute.notified',
      actor: { role: 'notifier', id: 'a-service' },
      notification,
      dispute: { notice: told.body.notice, version: 2 },
    });
    expect((await timelineOf(id)).at(-1)).toMatchObject({
      action: 'notified',
      actor: { role: 'notifier', id: 'a-service' },
      notification,
    });
  });

  test('counts once for each party and channel, whatever it says the second time', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    const first = await notify(id);
    expect((await notify(id)).body).toMatchObject({ version: 2, notice: first.body.notice });
    expect((await notify(id, { role: 'client' })).body).toMatchObject({ version: 3, notice: first.body.notice });
  });

  test.each([
    ['from the future', () => new Date(Date.now() + HOUR), { code: 'too_big' }],
    ['from before the dispute', () => new Date(Date.now() - HOUR), { code: 'too_small' }],
  ])('%s is refused', async (_name, at, error) => {
    const { id } = await seedDispute(service, 'cancellation');
    const refused = await notify(id, { deliveredAt: at().toISOString() });
    expect(refused).toMatchObject({ status: 400, code: 'validation_failed' });
    expect(refused.problem.errors).toMatchObject([{ pointer: '/deliveredAt', ...error }]);
    expect((await read(id)).version).toBe(1);
  });

  test.each(['', 'E-Mail', 'x'.repeat(33), 'a b'])('on the channel %j is not valid', async (channel) => {
    const { id } = await seedDispute(service, 'cancellation');
    expect(await notify(id, { channel })).toMatchObject({ status: 400, code: 'validation_failed' });
  });

  test('on more channels than there may be is refused', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    for (let index = 0; index < LIMITS.noticeChannels; index += 1) await notify(id, { channel: `channel-${index}` });
    expect(await notify(id, { channel: 'another' })).toMatchObject({ status: 409, code: 'notice_limit_reached' });
  });

  test('of a dispute that there is not is refused, and makes no order', async () => {
    const id = '0198c5a0-0000-7000-8000-000000000000';
    for (const query of ['', '?dryRun=true']) {
      expect(await notify(id, {}, query)).toMatchObject({ status: 404, code: 'not_found' });
    }
  });

  test('whose condition does not hold shows the dispute as the service may see it', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    const refused = await notify(id, {}, '', { 'if-match': '"0"' });
    expect(refused).toMatchObject({ status: 412, problem: { dispute: { id } } });
    expect(Object.keys((refused.problem as { dispute?: object }).dispute ?? {})).not.toContain('viewer');
  });

  test('is repeated with its key, and says what it would come to in a dry run', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    const dry = await notify(id, {}, '?dryRun=true');
    expect(dry.body.effects.events).toEqual(['dispute.notified']);
    expect(dry.body.dispute.notice.notifiedAt).not.toBeNull();
    expect((await read(id)).version).toBe(1);
    const deliveredAt = new Date().toISOString();
    const key = { 'idempotency-key': 'mail-1' };
    const first = await notify(id, { deliveredAt }, '', key);
    const again = await notify(id, { deliveredAt }, '', key);
    expect([again.text, again.headers['idempotency-replayed']]).toEqual([first.text, 'true']);
  });
});

describe('what was known of the respondent', () => {
  test('stands in the entry of the expiry, and looks after it change nothing', async () => {
    const { id, orderId } = await seedDispute(service, 'cancellation');
    const { notice } = (await notify(id)).body;
    await letTimePass(service.database, id, 48 * HOUR);
    const late = await seen(id, FREELANCER);
    expect(late).toMatchObject({ status: 200, body: { resolution: 'expired' } });
    const told = await notify(id, { channel: 'push', deliveredAt: late.body.resolvedAt });
    expect(told).toMatchObject({ status: 200, body: { resolution: 'expired', version: late.body.version } });
    const known = (await read(id)).notice;
    expect([known.seenAt, known.remindedAt]).toEqual([null, null]);
    const entries = await timelineOf(id);
    expect(entries.map(({ action }) => action)).toEqual(['opened', 'notified', 'expired']);
    expect(entries.map((entry) => entry.notice)).toEqual([undefined, undefined, known]);
    expect(known.notifiedAt === null).toBe(notice.notifiedAt === null);
    const order = (await service.as(CLIENT).get<Order>(`/v1/orders/${orderId}`)).body;
    expect(order.status).toBe('mutually_cancelled');
  });

  test('has the reminder in it, also for those who poll by time of change', async () => {
    const opened = await seedDispute(service, 'cancellation');
    await letTimePass(service.database, opened.id, 47 * HOUR);
    const before = await read(opened.id);
    expect([before.notice.remindedAt, before.version]).toEqual([null, 1]);
    // The next command writes what is due.
    await seen(opened.id, FREELANCER);
    const after = await read(opened.id);
    expect(after.version).toBe(3);
    expect(after.notice.remindedAt).toBe(after.notice.seenAt);
    expect((await timelineOf(opened.id)).map(({ action }) => action)).toEqual(['opened', 'reminder_due', 'seen']);
  });

  test('is the same in lists and in the resolution center', async () => {
    const { id: orderId } = await seedOrder(service);
    const { id } = await seedDispute(service, 'cancellation', { orderId });
    const { notice } = (await seen(id, FREELANCER)).body;
    const center = await service
      .as(CLIENT)
      .get<{ openDispute: Dispute; timeline: Timeline }>(`/v1/orders/${orderId}/resolution-center`);
    expect(center.body.openDispute.notice).toEqual(notice);
    expect(center.body.timeline.data.at(-1)?.action).toBe('seen');
    const listed = await service.as(CLIENT).get<{ data: Dispute[] }>(`/v1/disputes?orderId=${orderId}`);
    expect(listed.body.data.map((one) => one.notice)).toEqual([notice]);
  });
});
