import { html, nothing, type TemplateResult } from 'lit';
import type { Dispute, Effects, RespondAction, TimelineEntry } from '../api-types.ts';
import type { Fault } from '../forms/draft.ts';
import type { Problem } from '../service/http.ts';
import { blockedText, type Context, problemText, statusText, text } from '../texts/context.ts';
import { commentView } from './fields.ts';
import { actionKeys } from './request.ts';
import { entryView } from './timeline.ts';

/** An answer that is being given: the viewer reads what will happen, and confirms. */
export interface Confirming {
  readonly action: string;
  /** The answer as it was when the dialog was opened. */
  readonly option: RespondAction;
  /** Of the newest entry of the timeline by then. */
  readonly lastSeq: number;
  readonly dispute: Dispute;
  readonly comment: string;
  readonly fault: Fault | null;
  readonly problem: Problem | null;
  /** What the service says would happen; null while it is asked, or where it does not say. */
  readonly effects: Effects | null;
  readonly isAsking: boolean;
  /** Whether the service was asked what would happen, and has not said. Nothing is confirmed before it has. */
  readonly isUnknown: boolean;
  readonly isSending: boolean;
}

export interface ConfirmHandlers {
  readonly onComment: (value: string) => void;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

const FINAL = new Set(['mutually_cancelled', 'cancelled', 'completed']);

/** What the answer will do, as sentences; from the dry run, and else from the texts. */
function effectSentences(context: Context, { action, dispute, effects }: Confirming): string[] {
  if (action === 'add_comment') return [];
  if (effects === null) {
    const known = context.translate([`effect.${action}.${dispute.type}`, `effect.${action}`]);
    return known === null ? [] : [known];
  }
  const { status, deliverBy } = effects.order;
  const to = deliverBy?.to ?? null;
  const extras = action === 'accept' ? (dispute.change?.extras ?? []) : [];
  const [first] = extras;
  const amount = extras.reduce((sum, { price }) => sum + price.amount, 0);
  return [
    text(context, status.from === status.to ? 'effect.status.stays' : 'effect.status', {
      status: statusText(context, status.to),
    }),
    ...(to === null ? [] : [text(context, 'effect.deliver_by', { date: context.format.dateTime(to) })]),
    ...(first === undefined
      ? []
      : [text(context, 'effect.extras', { amount: context.format.money({ amount, currency: first.price.currency }) })]),
    ...(FINAL.has(status.to) ? [text(context, 'effect.final')] : []),
  ];
}

/**
 * The confirmation of an answer.
 * @param option as the answer stands now; undefined once it is not to be given any more
 * @param news what has happened to the request meanwhile: the page behind the dialog cannot be looked at
 */
export function dialogView(
  context: Context,
  confirming: Confirming,
  option: RespondAction | undefined,
  news: readonly TimelineEntry[],
  { onComment, onConfirm, onClose }: ConfirmHandlers,
): TemplateResult {
  const { action, dispute, comment, fault, problem, isAsking, isUnknown, isSending } = confirming;
  const isOver = option !== undefined && context.now >= Date.parse(option.until);
  const label = context.translate(actionKeys(action, dispute.type)) ?? confirming.option.label;
  const blocked =
    option === undefined
      ? text(context, 'error.dispute_not_open')
      : option.blocked !== null
        ? blockedText(context, option.blocked)
        : isOver && dispute.held === null
          ? text(context, 'deadline.over')
          : null;
  // The button stays in the order of Tab while the effect is asked: the next one goes back.
  const submit = (event: Event) => {
    event.preventDefault();
    onConfirm();
  };
  const field = (option ?? confirming.option).fields.comment;
  const effects = blocked === null ? effectSentences(context, confirming) : [];
  const kind = action === 'withdraw' ? 'danger' : problem === null ? 'primary' : 'plain';
  const title = [`confirm.${action}.${dispute.type}`, `confirm.${action}`];
  return html`<dialog part="dialog" aria-labelledby="dialog-title" @close=${onClose} @cancel=${onClose}>
    <form novalidate @submit=${submit}>
      <h3 id="dialog-title">${context.translate(title) ?? label}</h3>
      <div class="effects" aria-live="polite" aria-busy=${String(isAsking)}>${effects.map((sentence) => html`<p>${sentence}</p>`)}</div>
      <ol class="timeline" aria-live="polite">${news.map((entry) => entryView(context, entry))}</ol>
      ${commentView(context, {
        id: 'answer',
        value: comment,
        maxLength: field.maxLength,
        isRequired: field.presence === 'required',
        fault,
        onInput: onComment,
      })}
      ${
        blocked !== null
          ? html`<p class="fault" role="alert">${blocked}</p>`
          : problem === null
            ? nothing
            : html`<p class="fault" role="alert">${problemText(context, problem)}</p>`
      }
      <div class="actions">
        <button type="submit" part="button ${kind}" class=${kind} data-confirm aria-busy=${String(isAsking)} aria-disabled=${String(isAsking)}
          ?disabled=${isSending || blocked !== null}>${isSending ? text(context, 'sending') : isUnknown ? text(context, 'retry') : label}</button>
        <button type="button" part="button plain" class="plain" data-close @click=${onClose}>${text(context, 'back')}</button>
      </div>
    </form>
  </dialog>`;
}
