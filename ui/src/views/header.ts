import { html, nothing, type TemplateResult } from 'lit';
import type { Center } from '../api-types.ts';
import { type Context, statusText, text } from '../texts/context.ts';

/** The order: what it is, how it stands, what it costs. */
export function headerView(context: Context, { order }: Center): TemplateResult {
  const name = text(context, 'order', { id: order.id });
  const facts = [
    order.title === null ? null : order.id,
    statusText(context, order.status),
    context.format.money(order.price),
    order.deliverBy === null ? null : text(context, 'order.due', { date: context.format.dateTime(order.deliverBy) }),
  ].filter((fact) => fact !== null);
  return html`<header part="header">
    <h2 part="title">${order.title ?? name}</h2>
    <p part="meta" class="secondary">${facts.map(
      (fact, index) => html`${index === 0 ? nothing : html`<span aria-hidden="true"> · </span>`}<span>${fact}</span>`,
    )}</p>
  </header>`;
}
