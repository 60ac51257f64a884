import { html, nothing, type TemplateResult } from 'lit';
import type { TimelineEntry } from '../api-types.ts';
import { type Context, nameOf, text } from '../texts/context.ts';
import { humanize } from '../texts/texts.ts';

const SHOWN = 6;

/** The comment of the request itself stands with it, above. */
export function entryView(context: Context, entry: TimelineEntry): TemplateResult {
  const { action, actor, at, comment, commentErasedAt, notification } = entry;
  const who = nameOf(context, notification?.role ?? actor.role);
  const channel = notification?.channel ?? '';
  const what = context.translate([`timeline.${action}.${who}`, `timeline.${action}`], { channel }) ?? humanize(action);
  return html`<li class=${`${action} ${who}`}>
    <p><span>${what}</span> <time datetime=${at} class="secondary">${context.format.moment(at, context.now)}</time></p>
    ${comment === undefined || action === 'opened' ? nothing : html`<blockquote part="comment">${comment}</blockquote>`}
    ${commentErasedAt === undefined ? nothing : html`<p class="secondary">${text(context, 'timeline.erased')}</p>`}
  </li>`;
}

/** That its opener has seen the request as well is nothing to tell of. */
function isWorthTelling({ action, actor }: TimelineEntry, opener: string | undefined): boolean {
  return action !== 'seen' || actor.role !== opener;
}

/** Everything that happened, oldest first. A long one shows its end until all of it is asked for. */
export function timelineView(
  context: Context,
  entries: readonly TimelineEntry[],
  showsAll: boolean,
  onShowAll: () => void,
): TemplateResult | typeof nothing {
  const opener = entries.find(({ action }) => action === 'opened')?.actor.role;
  const told = entries.filter((entry) => isWorthTelling(entry, opener));
  if (told.length === 0) return nothing;
  const shown = showsAll ? told : told.slice(-SHOWN);
  return html`<section part="timeline" class="timeline">
    <h3 class="quiet">${text(context, 'timeline')}</h3>
    ${
      shown.length === told.length
        ? nothing
        : html`<button type="button" part="button link" class="link" @click=${onShowAll}>${text(
            context,
            'timeline.all',
            {
              count: context.format.number(told.length),
            },
          )}</button>`
    }
    <ol>${shown.map((entry) => entryView(context, entry))}</ol>
  </section>`;
}
