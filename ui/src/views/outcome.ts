import { html, nothing, type TemplateResult } from 'lit';
import type { Center, Dispute } from '../api-types.ts';
import { blockedText, type Context, nameOf, text } from '../texts/context.ts';
import { inWords } from '../texts/countdown.ts';
import { humanize } from '../texts/texts.ts';
import { requestFacts } from './request.ts';

/** Who decided how it ended: the party that let the time pass, where time did. */
function deciderOf(dispute: Dispute): string {
  if (dispute.resolution === 'expired') return dispute.respondent.role;
  return dispute.resolvedBy?.role ?? '';
}

/** How the last request ended. */
export function outcomeView(context: Context, center: Center, dispute: Dispute): TemplateResult {
  const { type, resolution } = dispute;
  const decider = nameOf(context, deciderOf(dispute));
  const window = inWords(Date.parse(dispute.respondBy) - Date.parse(dispute.openedAt));
  const keys = [
    `outcome.${type}.${resolution}.${decider}`,
    `outcome.${resolution}.${decider}`,
    `outcome.${resolution}`,
  ];
  const how = context.translate(keys, { duration: context.format.duration(window) }) ?? humanize(resolution ?? '');
  const asker = nameOf(context, dispute.opener.role);
  return html`<section part="outcome" class="outcome">
    <h3 tabindex="-1" data-focus="request">${how}</h3>
    <p class="secondary">${text(context, [`asked.${type}.${asker}`, `request.${type}.${asker}`])}${
      dispute.resolvedAt === null
        ? nothing
        : html`<span aria-hidden="true"> · </span><time datetime=${dispute.resolvedAt}>${context.format.dateTime(dispute.resolvedAt)}</time>`
    }</p>
    ${requestFacts(context, center, dispute)}
  </section>`;
}

/** Why nothing can be asked any more. */
export function closedView(context: Context, { unavailable }: Center): TemplateResult | typeof nothing {
  if (unavailable === null) return nothing;
  const why = context.translate(`closed.${unavailable.reason}`) ?? blockedText(context, unavailable);
  return html`<section class="closed" part="closed"><p tabindex="-1" data-focus="choose">${why}</p></section>`;
}
