import { html, nothing, type TemplateResult } from 'lit';
import type { GetToken } from '../resolution-center.d.ts';
import { barView } from './bar-view.ts';
import { eventsView, webhooksView } from './log-view.ts';
import type { SandboxHandlers, SandboxState } from './state.ts';
import { type Holder, isToken, type TokenSource } from './tokens.ts';

const ASKED: readonly (readonly [Holder, string, string])[] = [
  ['client', 'Token of the client', 'A user.'],
  ['freelancer', 'Token of the freelancer', 'Another user.'],
  ['service', 'Token of your services', 'With the scopes orders:write, events:read, webhooks:manage and test:clocks.'],
];

/** Where the service mints no tokens: asks for those of the identity provider. */
function tokensView({ onTokens }: SandboxHandlers): TemplateResult {
  const check = ({ target }: Event) => {
    const input = target as HTMLInputElement;
    input.setCustomValidity(isToken(input.value.trim()) ? '' : 'This is no JWT with a subject.');
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.target as HTMLFormElement);
    const of = (name: Holder) => String(given.get(name)).trim();
    onTokens({ client: of('client'), freelancer: of('freelancer'), service: of('service') });
  };
  return html`<section class="card tokens">
    <header><h2>Tokens of your identity provider</h2>
      <p class="secondary">This service hands out none: the page gets its own only where <code>npm start</code> runs on your machine without
      a configured issuer or secret. What you enter stays in this tab.</p></header>
    <form @submit=${submit}>${ASKED.map(
      ([name, label, hint]) =>
        html`<div class="field"><label for=${name}>${label}</label>
          <input id=${name} name=${name} required autocomplete="off" spellcheck="false" aria-describedby=${`${name}-hint`} @input=${check}>
          <p class="secondary" id=${`${name}-hint`}>${hint}</p></div>`,
    )}
      <button type="submit" class="primary">Continue</button>
    </form>
  </section>`;
}

const PARTIES = [
  ['client', 'C', 'What the client sees'],
  ['freelancer', 'F', 'What the freelancer sees'],
] as const;

const getters = new WeakMap<TokenSource, Record<'client' | 'freelancer', GetToken>>();

/** The same functions for the same tokens: an element begins anew when it gets another one. */
function gettersOf(tokens: TokenSource): Record<'client' | 'freelancer', GetToken> {
  const known = getters.get(tokens) ?? {
    client: ({ fresh }) => tokens.get('client', fresh),
    freelancer: ({ fresh }) => tokens.get('freelancer', fresh),
  };
  getters.set(tokens, known);
  return known;
}

function partiesView({ orderId, locale }: SandboxState, tokens: TokenSource): TemplateResult {
  return html`<div class="parties">${PARTIES.map(
    ([role, letter, label]) => html`<section aria-labelledby=${`${role}-label`}>
      <h2 id=${`${role}-label`}><i aria-hidden="true">${letter}</i>${label}</h2>
      <resolution-center id=${role} .orderId=${orderId ?? ''} .locale=${locale} .getToken=${gettersOf(tokens)[role]}></resolution-center>
    </section>`,
  )}</div>`;
}

/** The whole page. */
export function pageView(state: SandboxState, handlers: SandboxHandlers): TemplateResult {
  const { tokens, isReady, orderId, message, isBusy, hasQueues } = state;
  return html`${barView(state, handlers)}
    <main>
      <div class="messages" role="status">${
        message !== null
          ? html`<p class="message ${message.kind}">${message.text}</p>`
          : isBusy
            ? html`<p class="message waiting">Waiting for the service …</p>`
            : nothing
      }</div>
      ${isReady && tokens === null ? tokensView(handlers) : nothing}
      ${
        tokens === null || orderId === null
          ? nothing
          : html`${partiesView(state, tokens)}<div class="facts">${eventsView(state)}${webhooksView(state, handlers)}</div>`
      }
    </main>
    <footer class="secondary">
      <p>Each card is <code>&lt;resolution-center&gt;</code>, the web component for your order page.</p>
      ${
        hasQueues
          ? nothing
          : html`<p>The queues are at <code>/ops/queues</code> once <code>OPS_USER</code> and <code>OPS_PASSWORD</code> are set.</p>`
      }
    </footer>`;
}
