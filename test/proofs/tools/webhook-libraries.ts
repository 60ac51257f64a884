import { deepStrictEqual, ok } from 'node:assert/strict';
import { CLIENT, seedDispute } from '../../harness/seed.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { manager, subscribe } from '../../webhooks/endpoints.ts';
import { startReceiver } from '../../webhooks/receiver.ts';
import type { Stage, Tool } from './tool.ts';

/** A delivery as a receiver gets it, with the secret that it checks it with. */
interface Delivery {
  readonly secret: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

const TEN_MINUTES_S = 600;
const PATIENCE_MS = 60_000;

/** Deliveries of the service: two events before its secret is rotated, and two during the rotation, with either secret. */
async function receive({ service }: Stage): Promise<Delivery[]> {
  const receiver = await startReceiver();
  const { id, secret } = await subscribe(service, receiver, { types: ['dispute.opened', 'dispute.accepted'] });
  // The endpoint gets the events of other orders, too: only those of the order are looked at.
  const story = async () => {
    const dispute = await seedDispute(service, 'order_change');
    await service.as(CLIENT).post(`/v1/disputes/${dispute.id}/accept`);
    const ofOrder = () => receiver.received.filter(({ message }) => message.data.orderId === dispute.orderId);
    await waitFor('both events are delivered', () => ofOrder().length >= 2, PATIENCE_MS);
    return ofOrder().slice(0, 2);
  };
  const before = (await story()).map(({ headers, body }) => ({ secret, headers, body }));
  const rotated = await manager(service).post<{ secret: string }>(`/v1/webhook-endpoints/${id}/rotate-secret`);
  const during = (await story()).flatMap(({ headers, body }) => [
    { secret, headers, body },
    { secret: rotated.body.secret, headers, body },
  ]);
  deepStrictEqual([before.length, during.length], [2, 4]);
  return [...before, ...during];
}

/** The same delivery as an attacker would change or repeat it. */
function forgeriesOf({ secret, headers, body }: Delivery): Delivery[] {
  const otherSecret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
  const old = String(Number(headers['webhook-timestamp']) - TEN_MINUTES_S);
  return [
    { secret, headers, body: body.replace('"dispute.', '"disputes.') },
    { secret: otherSecret, headers, body },
    { secret, headers: { ...headers, 'webhook-timestamp': old }, body },
    { secret, headers: { ...headers, 'webhook-id': 'msg_other' }, body },
    { secret, headers: { ...headers, 'webhook-signature': undefined }, body },
  ];
}

async function verify(library: string, stage: Stage): Promise<string> {
  const genuine = await receive(stage);
  const forged = genuine.flatMap(forgeriesOf);
  const input = JSON.stringify([...genuine, ...forged]);
  const verdicts = JSON.parse(await stage.toolbox.run('node', ['sources/verify.mjs', library], { input })) as boolean[];
  ok(verdicts.length === genuine.length + forged.length);
  deepStrictEqual(verdicts, [...genuine.map(() => true), ...forged.map(() => false)]);
  return `works: ${genuine.length} verified, with the old and the new secret during a rotation; ${forged.length} forged or old ones refused`;
}

/** Libraries that verify webhooks. */
export const WEBHOOK_LIBRARIES: readonly Tool[] = ['standardwebhooks', 'svix'].map((library) => ({
  name: library,
  packages: [library],
  done: '`new Webhook(secret).verify(body, headers)` on deliveries of the service',
  tryOut: (stage) => verify(library, stage),
}));
