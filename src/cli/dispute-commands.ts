import type { Command } from 'commander';
import type { z } from 'zod';
import type { Dispute as DisputeSchema, LogActor, Timeline as TimelineSchema } from '../http/schemas/disputes.ts';
import { open, type RemoteOptions, remote } from './access.ts';
import { uuid } from './arguments.ts';
import { facts, type Io, show, table } from './output.ts';

type Dispute = z.output<typeof DisputeSchema>;
type Timeline = z.output<typeof TimelineSchema>;

const named = (party: z.output<typeof LogActor> | null): string =>
  party === null ? '' : `${party.role} ${party.id ?? ''}`.trim();

function describe(dispute: Dispute, timeline: Timeline['data']): string {
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
    ['version', dispute.version],
  ]);
  const rows = timeline.map(({ seq, at, action, actor, cause }) => [seq, at, action, named(actor), cause]);
  return `${summary}\n${table(['SEQ', 'AT', 'ACTION', 'BY', 'CAUSE'], rows)}`;
}

/** The whole timeline of a dispute, page by page. */
async function readTimeline(api: Awaited<ReturnType<typeof open>>, id: string): Promise<Timeline['data']> {
  const entries: Timeline['data'] = [];
  for (let query: string | null = ''; query !== null; ) {
    const page: Timeline = await api.get<Timeline>(`/v1/disputes/${id}/timeline${query}`);
    entries.push(...page.data);
    query = page.nextCursor === null ? null : `?cursor=${page.nextCursor}`;
  }
  return entries;
}

/** Adds `dispute show`. */
export function addDisputeCommands(program: Command, io: Io): void {
  const dispute = program.command('dispute').description('look at disputes');
  remote(dispute.command('show').description('a dispute and its timeline, without what people wrote'))
    .argument('<id>', 'the id of the dispute', uuid)
    .action(async (id: string, options: RemoteOptions) => {
      const api = await open(io, options);
      // The dispute first: looking at it lets silence take effect, which the timeline then tells of.
      const found = await api.get<Dispute>(`/v1/disputes/${id}`);
      const timeline = await readTimeline(api, id);
      show(io, options.json, { dispute: found, timeline }, () => describe(found, timeline));
    });
}
