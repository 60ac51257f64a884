import { beforeAll, expect, test } from 'vitest';
import { CLIENT, FREELANCER } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';

interface Reason {
  readonly code: string;
  readonly role: string;
  readonly label: string;
  readonly requiresComment: boolean;
  readonly attribution: string;
}

let service: Service;
beforeAll(async () => {
  service = await startService();
});

const list = async (query = '', sub = CLIENT) =>
  (await service.as(sub).get<{ data: Reason[] }>(`/v1/reasons${query}`)).body.data;

// The catalogue as it was promised: whose account it counts on, and whether a comment is required.
const CLIENTS = `ordered_by_mistake client, duplicate_order client, no_longer_needed client, requirements_changed client,
  found_alternative client, freelancer_not_responding freelancer, late_delivery freelancer,
  service_not_received freelancer, not_as_described freelancer comment, quality_below_expectations freelancer comment,
  scope_or_price_disagreement neutral, freelancer_requested_cancel freelancer, policy_or_ip_concern freelancer comment,
  other neutral comment`;
const FREELANCERS = `client_requested_cancel client, client_not_responding client, requirements_not_provided client,
  ordered_wrong_service client, out_of_scope_request client, excessive_revisions client comment,
  scope_or_price_disagreement neutral, duplicate_order client, cannot_deliver_on_time freelancer,
  unable_to_complete freelancer, personal_emergency freelancer, abusive_behavior client comment,
  policy_violation client comment, other neutral comment`;

const rowsOf = (text: string, role: string) =>
  text.split(/,\s+/).map((line) => {
    const [code, attribution, comment] = line.split(' ');
    return {
      code,
      role,
      attribution,
      requiresComment: comment === 'comment',
      label: expect.stringMatching(/^[A-Z].{5,}/),
    };
  });

const promised = { client: rowsOf(CLIENTS, 'client'), freelancer: rowsOf(FREELANCERS, 'freelancer') };
const all = [...promised.client, ...promised.freelancer];

test('the catalogue is the promised one, in its order', async () => {
  expect(await list()).toEqual(all);
  expect(await list('', FREELANCER)).toEqual(all);
  expect(await list('?type=cancellation')).toEqual(all);
});

test.each(['client', 'freelancer'] as const)('of the %s can be asked for by every caller', async (role) => {
  expect(await list(`?role=${role}`)).toEqual(promised[role]);
  expect(await list(`?type=cancellation&role=${role}`, 'user-1')).toEqual(promised[role]);
});

test.each(['order_update', 'order_change'])('%s has no reasons', async (type) => {
  expect(await list(`?type=${type}`)).toEqual([]);
});

test.each(['type=refund', 'role=system', 'type=', 'lang=en', 'role=client&role=freelancer'])(
  '?%s is refused',
  async (query) => {
    const refused = await service.as(CLIENT).get(`/v1/reasons?${query}`);
    expect(refused).toMatchObject({ status: 400, code: 'validation_failed' });
  },
);

test('it takes a token, and any will do', async () => {
  expect((await service.withAuthorization(null).get('/v1/reasons')).status).toBe(401);
  expect((await service.withScopes('webhooks:manage').get('/v1/reasons')).status).toBe(200);
});
