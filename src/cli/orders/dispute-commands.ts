import type { Command } from 'commander';
import type { z } from 'zod';
import type { Dispute as DisputeSchema, LogActor, Timeline as TimelineSchema } from '../../http/schemas/disputes.ts';
import type { DisputePage } from '../../http/schemas/lists.ts';
import { open, type RemoteOptions, remote } from '../access.ts';
import type { Api } from '../api.ts';
import { isUuid, orderOrDispute } from '../arguments.ts';
import { CommandFailure, refused } from '../failures.ts';
import { facts, type Io, show, table } from '../output.ts';
import { pages } from '../pages.ts';

type Dispute = z.output<typeof DisputeSchema>;
type Timeline = z.output<typeof TimelineSchema>;

/** A party, or another actor, by role and id. */
export const named = (party: z.output<typeof LogActor> | null): string =>
  party === null ? '' : `${party.role} ${party.id ?? ''}`.trim();

/** What an entry says beyond its columns: which message reached which party. */
function noteOf({ notification }: Timeline['data'][number]): string {
  if (notification === undefined) return '';
  return `${notification.channel} reached the ${notification.role} at ${notification.deliveredAt}`;
}

/** A dispute for people: its facts, what is known of how the respondent heard of it, and its timeline. */
export function describeDetail({ dispute, timeline }: DisputeDetail): string {
  const summary = facts([
    ['dispute', dispute.id],
    ['order', dispute.orderId],
    ['type', dispute.type],
    ['reason', dispute.reason],
    ['opened by', named(dispute.opener)],
    ['respondent', named(dispute.respondent)],
    ['opened at', dispute.openedAt],
    ['respond by', dispute.respondBy],
    ['on silence', dispute.onExpiry.action],
    ['status', dispute.status],
    ['resolution', dispute.resolution],
    ['resolved by', named(dispute.resolvedBy)],
    ['resolved at', dispute.resolvedAt],
    ['respondent reminded at', dispute.notice.remindedAt],
    ['respondent notified at', dispute.notice.notifiedAt],
    ['respondent saw it at', dispute.notice.seenAt],
    ['version', dispute.version],
  ]);
  const rows = timeline.map((one) => [one.seq, one.at, one.action, named(one.actor), one.cause, noteOf(one)]);
  return `${summary}\n${table(['SEQ', 'AT', 'ACTION', 'BY', 'CAUSE', 'NOTE'], rows)}`;
}

/** A dispute with everything that happened to it. */
export interface DisputeDetail {
  readonly dispute: Dispute;
  readonly timeline: Timeline['data'];
}

/** Reads a dispute with its whole timeline. The dispute is read anew: that applies a deadline that has passed, and the timeline has it. */
export async function readDetail(io: Io, api: Api, id: string): Promise<DisputeDetail> {
  const dispute = await api.get<Dispute>(`/v1/disputes/${id}`);
  const list = { what: 'timeline entries', path: `/v1/disputes/${id}/timeline`, limit: Number.MAX_SAFE_INTEGER };
  return { dispute, timeline: (await pages<Timeline>(io, api, list)).data };
}

/**
 * The id of the dispute that an id stands for: its own, or the newest one of an order.
 * @throws CommandFailure where there is neither such a dispute nor such an order, and where the order has no dispute
 */
async function disputeIdOf(api: Api, id: string): Promise<string> {
  if (isUuid(id) && !((await api.find(`/v1/disputes/${id}`)) instanceof CommandFailure)) return id;
  const { data } = await api.get<z.output<typeof DisputePage>>(`/v1/orders/${id}/disputes`, { limit: 1 });
  if (data[0] === undefined) throw refused(`the order ${id} has no dispute`);
  return data[0].id;
}

/** Adds `dispute show`. */
export function addDisputeCommands(program: Command, io: Io): void {
  const dispute = program.command('dispute').description('look at disputes');
  remote(dispute.command('show').description('a dispute and its timeline, without what people wrote'))
    .argument('<id>', 'the id of the dispute, or of an order: its newest dispute', orderOrDispute)
    .action(async (id: string, options: RemoteOptions) => {
      const api = await open(io, options);
      const detail = await readDetail(io, api, await disputeIdOf(api, id));
      show(io, options.json, detail, () => describeDetail(detail));
    });
}
