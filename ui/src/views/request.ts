import { html, nothing, type TemplateResult } from 'lit';
import type { Center, Dispute, RespondAction } from '../api-types.ts';
import { blockedText, type Context, nameOf, otherRole, reasonText, text } from '../texts/context.ts';
import { remaining } from '../texts/countdown.ts';

/** Replaces a placeholder of a sentence by a template, so that the date in it can be emphasised. */
function emphasised(sentence: string, date: string): TemplateResult {
  const [before = '', after = ''] = sentence.split('\u0000');
  return html`${before}<strong>${date}</strong>${after}`;
}

/** What is left, as the largest number of the card, beside what happens then. */
function countdownView(context: Context, dispute: Dispute, leftMs: number): TemplateResult {
  const { days, clock, isOver } = remaining(leftMs);
  const party = nameOf(context, dispute.respondent.role);
  const sentence = text(context, `deadline.${dispute.onExpiry.action}.${party}`, { date: '\u0000' });
  const held = dispute.held ?? null;
  return html`<div part="countdown" class="countdown">
    <p class="clock" role="timer" aria-live="off">${days === 0 ? nothing : html`<span class="days">${context.format.duration({ unit: 'day', count: days })}</span>`}<span>${clock}</span></p>
    <p class="deadline">${
      isOver
        ? text(context, 'deadline.over')
        : held === null
          ? emphasised(sentence, context.format.dateTime(dispute.respondBy))
          : text(context, 'held', { date: context.format.dateTime(held.since) })
    }</p>
  </div>`;
}

function changeView(context: Context, { order }: Center, change: NonNullable<Dispute['change']>): TemplateResult {
  const { deliverBy, extras } = change;
  const total = extras.reduce((sum, { price }) => sum + price.amount, 0);
  const before =
    order.deliverBy === null || order.deliverBy === deliverBy ? null : context.format.dateTime(order.deliverBy);
  return html`${
    deliverBy === null
      ? nothing
      : html`<div class="fact"><dt>${text(context, 'field.deliver_by')}</dt><dd>${context.format.dateTime(deliverBy)}${
          before === null
            ? nothing
            : html` <span class="secondary before">${text(context, 'change.before', { date: before })}</span>`
        }</dd></div>`
  }${
    extras.length === 0
      ? nothing
      : html`<div class="fact"><dt>${text(context, 'field.extras')}</dt><dd><ul class="extras">${extras.map(
          ({ title, price }) =>
            html`<li><span>${title}</span><span class="price">${context.format.money(price)}</span></li>`,
        )}${
          extras.length === 1
            ? nothing
            : html`<li class="total"><span>${text(context, 'change.total')}</span><span class="price">${context.format.money(
                {
                  amount: total,
                  currency: order.price.currency,
                },
              )}</span></li>`
        }</ul></dd></div>`
  }`;
}

/** What was asked, with its reason, its change and its comment. */
export function requestFacts(context: Context, center: Center, dispute: Dispute): TemplateResult {
  const hasFacts = dispute.reason !== null || dispute.change !== null;
  return html`${
    hasFacts
      ? html`<dl>${
          dispute.reason === null
            ? nothing
            : html`<div class="fact"><dt>${text(context, 'field.reason')}</dt><dd>${reasonText(context, center, dispute)}</dd></div>`
        }${dispute.change === null ? nothing : changeView(context, center, dispute.change)}</dl>`
      : nothing
  }${(dispute.comment ?? '') === '' ? nothing : html`<blockquote part="comment">${dispute.comment}</blockquote>`}`;
}

/** What is known about whether the other party has noticed the request; for its opener alone. */
function noticeView(context: Context, { notice, respondent }: Dispute): TemplateResult | typeof nothing {
  if (notice === undefined || respondent.role === context.viewer) return nothing;
  const facts = [
    ['seen', notice.seenAt],
    ['notified', notice.notifiedAt],
    ['reminded', notice.remindedAt],
  ] as const;
  const [kind, at] = facts.find(([, instant]) => instant !== null) ?? [];
  if (kind === undefined || at === null || at === undefined) return nothing;
  const time = context.format.moment(at, context.now);
  return html`<p class="secondary notice">${text(context, `notice.${kind}.${respondent.role}`, { time })}</p>`;
}

export const actionKeys = (action: string, type: string): string[] => [`action.${action}.${type}`, `action.${action}`];

/** The buttons of what the viewer may do; what is blocked for now stands below, with the reason. */
function actionsView(context: Context, { respond }: Center, dispute: Dispute, onAct: (action: RespondAction) => void) {
  const isTurn = dispute.respondent.role === context.viewer;
  const label = (one: RespondAction) => context.translate(actionKeys(one.action, dispute.type)) ?? one.label;
  // What is for the other party alone is no action of the viewer's.
  const mine = respond.filter(({ blocked }) => blocked?.code !== 'not_respondent' && blocked?.code !== 'not_opener');
  const answers = mine.filter(({ action }) => action !== 'withdraw' && action !== 'add_comment');
  const primary = isTurn ? answers.find(({ action, allowed }) => allowed && action !== 'decline') : undefined;
  const kind = (one: RespondAction) => (one === primary ? 'primary' : one.action === 'withdraw' ? 'danger' : 'plain');
  const ordered = [
    ...answers,
    ...mine.filter(({ action }) => action === 'add_comment'),
    ...mine.filter(({ action }) => action === 'withdraw'),
  ];
  const blocked = ordered.filter(({ allowed }) => !allowed);
  return html`<div part="actions" class="actions">${ordered.map(
    (
      one,
    ) => html`<button type="button" part="button ${kind(one)}" class=${kind(one)} data-action=${one.action} ?disabled=${!one.allowed}
      aria-describedby=${one.allowed ? nothing : `blocked-${one.action}`} @click=${() => onAct(one)}>${label(one)}</button>`,
  )}</div>${
    blocked.length === 0
      ? nothing
      : html`<ul class="blocked">${blocked.map(
          (one) =>
            html`<li id=${`blocked-${one.action}`}><strong>${label(one)}</strong> ${
              one.blocked === null ? nothing : blockedText(context, one.blocked)
            }</li>`,
        )}</ul>`
  }`;
}

/** The open request: who asked what, until when, and what can be done. */
export function requestView(
  context: Context,
  center: Center,
  dispute: Dispute,
  leftMs: number,
  onAct: (action: RespondAction) => void,
): TemplateResult {
  const isTurn = dispute.respondent.role === context.viewer;
  const asker = nameOf(context, dispute.opener.role);
  const turn = isTurn ? 'you' : otherRole(context.viewer);
  return html`<section part="request" class="request">
    <div class="line">
      <h3 tabindex="-1" data-focus="request">${text(context, `request.${dispute.type}.${asker}`)}</h3>
      <span part="pill" class="pill ${isTurn ? 'warm' : ''}">${text(context, `turn.${turn}`)}</span>
    </div>
    ${requestFacts(context, center, dispute)}
    ${countdownView(context, dispute, leftMs)}
    ${noticeView(context, dispute)}
    ${actionsView(context, center, dispute, onAct)}
  </section>`;
}
