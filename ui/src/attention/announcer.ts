import type { Center } from '../api-types.ts';
import { type Context, nameOf, text } from '../texts/context.ts';
import { milestone, roughly } from '../texts/countdown.ts';

/** Tells a screen reader what has changed, and what time is left: at the beginning, and at a few moments before the end. */
export interface Announcer {
  /** Says what there is to say now, once. */
  readonly say: (region: Element | null, context: Context, center: Center | null, leftMs: number) => void;
}

/** What is to be said of the open request; null where there is none. */
function sentenceOf(context: Context, center: Center, leftMs: number): string | null {
  const { openDispute } = center;
  if (openDispute === null) return null;
  if (leftMs <= 0) return text(context, 'deadline.over');
  const party = nameOf(context, openDispute.respondent.role);
  const date = context.format.dateTime(openDispute.respondBy);
  const what = text(context, `request.${openDispute.type}.${nameOf(context, openDispute.opener.role)}`);
  const left = text(context, 'deadline.left', { duration: context.format.duration(roughly(leftMs)) });
  return `${what}. ${left} ${text(context, `deadline.${openDispute.onExpiry.action}.${party}`, { date })}`;
}

/** Makes the announcer of one element. */
export function createAnnouncer(): Announcer {
  let said = '';
  return {
    say: (region, context, center, leftMs) => {
      if (region === null || center === null) return;
      const { openDispute, lastDispute = null } = center;
      const state = openDispute === null ? `${lastDispute?.id} ${lastDispute?.resolution}` : openDispute.id;
      const moment = `${state} ${openDispute === null ? '' : milestone(leftMs)}`;
      if (moment === said) return;
      said = moment;
      region.textContent =
        openDispute === null && lastDispute !== null ? outcomeOf(region) : (sentenceOf(context, center, leftMs) ?? '');
    },
  };
}

/** What the card says of how the request ended. */
const outcomeOf = (region: Element): string => region.parentNode?.querySelector('.outcome h3')?.textContent ?? '';
