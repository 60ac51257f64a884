import type { Center, RespondAction, TimelineEntry } from '../api-types.ts';
import type { Problem } from '../service/http.ts';
import { createSend, newKey } from '../service/idempotency.ts';
import { type Store, shownDispute } from '../service/store.ts';
import type { ConfirmHandlers, Confirming } from '../views/dialog.ts';
import { commentFault, faultsOfProblem } from './draft.ts';

export interface ConfirmerDeps {
  readonly store: Pick<Store, 'send' | 'dryRun'>;
  readonly center: () => Center | null;
  readonly timeline: () => readonly TimelineEntry[];
  readonly onChange: () => void;
  readonly onDone: () => void;
  /** The dialog was closed without an answer. */
  readonly onCalledOff: (action: string) => void;
  readonly onProblem: (problem: Problem) => void;
}

/** The answer that is being given, from the button to the service's reply. */
export interface Confirmer extends ConfirmHandlers {
  /** Null while no dialog is open. */
  readonly state: () => Confirming | null;
  /** The answer as it stands now; undefined once its request is not open any more. */
  readonly option: () => RespondAction | undefined;
  /** What has happened to the request since the dialog was opened. */
  readonly news: () => readonly TimelineEntry[];
  readonly open: (option: RespondAction) => void;
}

/** What its parties do not decide by. */
const NOTICES = new Set(['seen', 'notified', 'reminder_due']);

/** Makes the confirmer of one element. */
export function createConfirmer({
  store,
  center,
  timeline,
  onChange,
  onDone,
  onCalledOff,
  onProblem,
}: ConfirmerDeps): Confirmer {
  let confirming: Confirming | null = null;
  const send = createSend(store);
  const update = (change: Partial<Confirming>) => {
    if (confirming !== null) confirming = { ...confirming, ...change };
    onChange();
  };
  const option = () => {
    const { action, dispute } = confirming ?? {};
    return center()?.respond.find((one) => one.action === action && one.disputeId === dispute?.id);
  };
  const bodyOf = (comment: string) => (comment.trim() === '' ? {} : { comment: comment.trim() });

  /** Asks what would happen. An answer that needs a comment is asked about only once it has one: its effect is plain. */
  const ask = async ({ href, action, fields }: RespondAction): Promise<void> => {
    if (action === 'add_comment' || fields.comment.presence === 'required') return;
    const asked = confirming;
    update({ isAsking: true, effects: null });
    const run = await store.dryRun({ href, body: {}, etag: null, key: newKey() });
    if (confirming?.dispute !== asked?.dispute || confirming?.action !== asked?.action) return;
    if (run === null || run.ok)
      return update({ isAsking: false, isUnknown: false, effects: run?.body.effects ?? null });
    update({ isAsking: false, isUnknown: true, problem: run.problem });
    onProblem(run.problem);
  };

  const confirm = async (): Promise<void> => {
    const asked = option();
    const at = confirming;
    if (asked === undefined || at === null || at.isSending || at.isAsking) return;
    if (at.isUnknown) {
      update({ problem: null });
      return ask(asked);
    }
    const fault = commentFault(at.comment, asked.fields.comment, asked.fields.comment.presence === 'required');
    update({ fault, problem: null });
    if (fault !== null) return;
    update({ isSending: true });
    const sent = await send(asked.href, bodyOf(at.comment), at.dispute.etag);
    if (sent.ok) {
      confirming = null;
      onChange();
      return onDone();
    }
    const { problem } = sent;
    const faults = faultsOfProblem(problem.code, problem.detail, problem.errors);
    // What has changed is shown by now; the next try is about that.
    const dispute = center()?.openDispute ?? at.dispute;
    update({
      isSending: false,
      dispute,
      fault: faults.get('/comment') ?? null,
      problem: faults.size > 0 ? null : problem,
    });
    onProblem(problem);
    const changed = problem.code === 'version_mismatch' ? option() : undefined;
    if (changed !== undefined) await ask(changed);
  };

  return {
    state: () => confirming,
    option,
    news: () => {
      const { dispute, lastSeq } = confirming ?? {};
      if (lastSeq === undefined || shownDispute(center())?.id !== dispute?.id) return [];
      return timeline().filter(({ seq, action }) => seq > lastSeq && !NOTICES.has(action));
    },
    open: (one) => {
      const dispute = center()?.openDispute ?? null;
      if (dispute === null || confirming !== null) return;
      confirming = {
        action: one.action,
        option: one,
        lastSeq: timeline().at(-1)?.seq ?? 0,
        dispute,
        comment: '',
        fault: null,
        problem: null,
        effects: null,
        isAsking: false,
        isUnknown: false,
        isSending: false,
      };
      onChange();
      void ask(one);
    },
    onComment: (comment) => {
      const asked = option();
      const isRequired = asked?.fields.comment.presence === 'required';
      const fault =
        asked === undefined || confirming?.fault === null
          ? null
          : commentFault(comment, asked.fields.comment, isRequired);
      update({ comment, fault });
    },
    onConfirm: () => void confirm(),
    onClose: () => {
      if (confirming === null) return;
      const { action } = confirming;
      confirming = null;
      onChange();
      onCalledOff(action);
    },
  };
}
