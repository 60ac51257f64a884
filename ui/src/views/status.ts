import { html, nothing, type TemplateResult } from 'lit';
import type { Problem } from '../service/http.ts';
import type { Connection } from '../service/store.ts';
import { type Context, problemText, text } from '../texts/context.ts';

/** While nothing is known yet. The shapes stand for what comes, and say nothing to a screen reader. */
export function loadingView(context: Pick<Context, 'translate'>): TemplateResult {
  return html`<div class="placeholder" role="status"><span class="hidden">${text(context, 'loading')}</span>
    <i class="bar wide"></i><i class="bar"></i><i class="bar block"></i><i class="bar wide"></i></div>`;
}

const STATES: Readonly<Record<string, string>> = {
  offline: 'state.offline.empty',
  signed_out: 'state.signed_out',
  unauthenticated: 'state.signed_out',
  forbidden: 'state.not_found',
  not_found: 'state.not_found',
  validation_failed: 'state.not_found',
};

const ADVICE: Readonly<Record<string, string>> = {
  'state.offline.empty': 'state.offline.advice',
  'state.signed_out': 'state.signed_out.advice',
  'state.not_found': 'state.not_found.advice',
  'state.failed': 'state.failed.advice',
};

/** Where there is nothing to show: why, and what to do. */
export function failedView(context: Pick<Context, 'translate'>, problem: Problem, onRetry: () => void): TemplateResult {
  const state = STATES[problem.code] ?? 'state.failed';
  return html`<div class="empty" role="alert">
    <h3>${text(context, state)}</h3>
    <p class="secondary">${text(context, ADVICE[state] ?? 'state.failed.advice')}</p>
    <button type="button" part="button plain" class="plain" @click=${onRetry}>${text(context, 'retry')}</button>
    ${
      problem.requestId === null || state !== 'state.failed'
        ? nothing
        : html`<p class="secondary">${text(context, 'request_id', { id: problem.requestId })}</p>`
    }
  </div>`;
}

/** What stands above the card where what it shows may be old. */
export function bannerView(
  context: Context,
  {
    connection,
    problem,
    isOffline,
    asOf,
  }: { connection: Connection; problem: Problem | null; isOffline: boolean; asOf: string },
  onRetry: () => void,
): TemplateResult | typeof nothing {
  const isSignedOut = connection === 'signed_out' || problem?.code === 'signed_out';
  const sentence = isSignedOut
    ? `${text(context, 'state.signed_out')} ${text(context, 'state.signed_out.advice')}`
    : isOffline
      ? text(context, 'state.offline', { time: context.format.moment(asOf, context.now) })
      : connection === 'offline' || problem?.code === 'offline'
        ? text(context, 'state.reconnecting')
        : problem === null
          ? null
          : problemText(context, problem);
  if (sentence === null) return nothing;
  return html`<div part="banner" class="banner" role="status"><p>${sentence}</p>${
    isSignedOut || (problem !== null && !isOffline)
      ? html`<button type="button" part="button link" class="link" @click=${onRetry}>${text(context, 'retry')}</button>`
      : nothing
  }</div>`;
}
