import { beforeAll, describe, expect, test } from 'vitest';
import { sequenceLog } from '../../src/application/feed/feed.ts';
import { ENTRY_TYPES } from '../../src/domain/commands.ts';
import { presentWebhook } from '../../src/http/present/events.ts';
import { type FeedRow, readFeed } from '../../src/store/feed.ts';
import { document, faultOf, pointerTo } from '../harness/api/document.ts';
import { CLIENT, seedDispute } from '../harness/seed.ts';
import { startService } from '../harness/service.ts';
import type { FeedEvent } from '../harness/types.ts';

interface Payload {
  readonly type: string;
  readonly timestamp: string;
  readonly data: FeedEvent;
}

interface Webhook {
  readonly post: {
    readonly description: string;
    readonly requestBody: { readonly content: { readonly 'application/json': { readonly example: Payload } } };
  };
}

const { webhooks } = document as unknown as { readonly webhooks: Readonly<Record<string, Webhook>> };

const webhookOf = (type: string): Webhook => {
  const webhook = webhooks[type];
  if (webhook === undefined) throw new Error(`the document has no webhook ${type}`);
  return webhook;
};
const exampleOf = (type: string) => webhookOf(type).post.requestBody.content['application/json'].example;
const faultIn = (type: string, payload: unknown) =>
  faultOf(pointerTo('webhooks', type, 'post', 'requestBody', 'content', 'application/json', 'schema'), payload);

test('the document has a webhook for each type of event, and for nothing else', () => {
  expect(Object.keys(webhooks)).toEqual([...ENTRY_TYPES]);
});

describe.each(ENTRY_TYPES)('the webhook %s', (type) => {
  test('has an example that is one by its own schema, and by that of no other', () => {
    const example = exampleOf(type);
    expect(faultIn(type, example)).toBeNull();
    expect([example.type, example.data.type, example.timestamp]).toEqual([type, type, example.data.occurredAt]);
    for (const other of ENTRY_TYPES) if (other !== type) expect(faultIn(other, example)).not.toBeNull();
  });

  test('says of `previous` what the example shows', () => {
    const { previous } = exampleOf(type).data;
    const { description } = webhookOf(type).post;
    if (previous === null) expect(description).toContain('`previous` is null');
    for (const fact of Object.keys(previous ?? {})) expect(description).toContain(`\`previous\` holds \`${fact}\``);
  });
});

describe('what is sent', () => {
  let rows: readonly FeedRow[];
  beforeAll(async () => {
    const service = await startService({ env: { REMINDERS: 'none' } });
    const { id } = await seedDispute(service, 'order_change');
    await service.as(CLIENT).post(`/v1/disputes/${id}/accept`, { comment: 'Well then.' });
    const { db } = service.deps.write;
    await sequenceLog(db);
    ({ rows } = await readFeed(db, { after: 0, limit: 100 }));
  });

  test('is what the document says, with and without what was written', () => {
    expect(rows.length).toBeGreaterThan(4);
    for (const row of rows) {
      for (const withComment of [true, false]) expect(faultIn(row.type, presentWebhook(row, withComment))).toBeNull();
    }
    const text = (withComment: boolean) => JSON.stringify(rows.map((row) => presentWebhook(row, withComment)));
    expect([text(true).includes('Well then.'), text(false).includes('Well then.')]).toEqual([true, false]);
  });
});
