import { html, nothing, type TemplateResult } from 'lit';
import type { Endpoint, LoggedEvent } from './log.ts';
import type { SandboxHandlers, SandboxState } from './state.ts';
import { inWords, timeOf } from './words.ts';

/** What an event says, in one line. */
function summaryOf({ type, dispute, order, previous, actor }: LoggedEvent): string {
  if (type === 'dispute.opened' && dispute) {
    return `${inWords(dispute.type)} by the ${dispute.opener.role}, to be answered by ${timeOf(dispute.respondBy)}`;
  }
  if (type === 'order.status_changed') return `${previous?.status ?? 'new'} → ${order.status}`;
  if (type === 'order.delivery_date_changed' && order.deliverBy !== null) return `Due ${timeOf(order.deliverBy)}`;
  if (type === 'dispute.deadline_shifted' && dispute) return `To be answered by ${timeOf(dispute.respondBy)}`;
  return `${dispute ? `${inWords(dispute.type)}, by` : 'By'} the ${actor.role.replaceAll('_', ' ')}`;
}

/** The events of the order, newest first. */
export function eventsView({ events }: SandboxState): TemplateResult {
  return html`<section class="card">
    <header><h2>Events</h2><p class="secondary">What the feed, the streams and your webhooks deliver, newest first</p></header>
    ${
      events.length === 0
        ? html`<p class="secondary">Nothing has happened to this order yet.</p>`
        : html`<ol class="log" tabindex="0" aria-label="Events" reversed>${events.map(
            (event) =>
              html`<li><span class="seq">${event.seq}</span><div><b>${event.type}</b> <span class="secondary">${timeOf(event.occurredAt)}</span>
              <p>${summaryOf(event)}</p></div></li>`,
          )}</ol>`
    }
  </section>`;
}

/** What came back of the last attempt, such as 204, or why nothing did. */
function answerOf({ attempts, status }: Endpoint['deliveries'][number]): string {
  const last = attempts.at(-1);
  return last === undefined ? inWords(status) : `${last.statusCode ?? last.error ?? inWords(status)}`;
}

function endpointView({ url, status, deliveries }: Endpoint): TemplateResult {
  return html`<li class="endpoint"><p><b>${url}</b> <span class="secondary">${inWords(status)}</span></p>
    ${
      deliveries.length === 0
        ? html`<p class="secondary">No call about this order yet.</p>`
        : html`<ol class="log" tabindex="0" aria-label=${`Calls of ${url}`}>${deliveries.map(
            (delivery) =>
              html`<li data-status=${delivery.status}><span class="seq">${delivery.seq ?? ''}</span><div><b>${delivery.type}</b>
              <p>${answerOf(delivery)}${delivery.attempts.length > 1 ? `, after ${delivery.attempts.length} attempts` : nothing}</p></div></li>`,
          )}</ol>`
    }</li>`;
}

function addView({ isBusy, secret }: SandboxState, onEndpoint: (url: string) => void): TemplateResult {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    onEndpoint(String(new FormData(event.target as HTMLFormElement).get('url')).trim());
  };
  return html`<form class="add" @submit=${submit}>
    <label for="endpoint">Send the calls to</label>
    <div class="choice"><input id="endpoint" name="url" type="url" required placeholder="https://shop.example/webhooks">
      <button type="submit" ?disabled=${isBusy}>Add</button></div>
    ${
      secret === null
        ? nothing
        : html`<p class="secondary" role="status">The calls are signed with <code>${secret}</code>. It is shown once.</p>`
    }
  </form>`;
}

/** The webhook calls about the order, by endpoint. */
export function webhooksView(state: SandboxState, { onEndpoint }: SandboxHandlers): TemplateResult {
  const { endpoints } = state;
  return html`<section class="card">
    <header><h2>Webhook calls</h2><p class="secondary">About this order, to each endpoint that is registered</p></header>
    ${endpoints.length === 0 ? nothing : html`<ul class="endpoints">${endpoints.map(endpointView)}</ul>`}
    ${addView(state, onEndpoint)}
  </section>`;
}
