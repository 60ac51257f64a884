import { html, nothing, type TemplateResult } from 'lit';
import { REPORTED, SAMPLES, type Sample } from './orders.ts';
import type { SandboxHandlers, SandboxState } from './state.ts';
import { inWords, timeOf } from './words.ts';

const SKIPS: readonly (readonly [string, string])[] = [
  ['PT1H', '1 hour'],
  ['PT24H', '24 hours'],
  ['PT48H', '48 hours'],
  ['PT96H', '96 hours'],
];

const LOCALES: readonly (readonly [string, string])[] = [
  ['en', 'English'],
  ['de', 'Deutsch'],
  ['es', 'Español'],
  ['fr', 'Français'],
  ['pt-BR', 'Português'],
];

const named = (codes: readonly string[]): (readonly [string, string])[] => codes.map((code) => [code, inWords(code)]);

const optionsOf = (choices: readonly (readonly [string, string])[], chosen: string) =>
  choices.map(([value, label]) => html`<option value=${value} ?selected=${value === chosen}>${label}</option>`);

interface Choice {
  /** What is chosen, for a screen reader. */
  readonly label: string;
  readonly verb: string;
  readonly choices: readonly (readonly [string, string])[];
  readonly chosen: string;
  readonly isPrimary?: boolean;
  readonly isDisabled: boolean;
  readonly onChoice: (choice: string) => void;
}

/** A choice, and the button that carries it out. */
function choiceView({ label, verb, choices, chosen, isPrimary, isDisabled, onChoice }: Choice): TemplateResult {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    onChoice(String(new FormData(event.target as HTMLFormElement).get('choice')));
  };
  return html`<form class="choice" @submit=${submit}>
    <select name="choice" aria-label=${label}>${optionsOf(choices, chosen)}</select>
    <button type="submit" class=${isPrimary === true ? 'primary' : ''} ?disabled=${isDisabled}>${verb}</button>
  </form>`;
}

function toolsView({ isBusy, orderId, clock }: SandboxState, handlers: SandboxHandlers): TemplateResult {
  return html`<div class="tools" role="group" aria-label="Sample order">
    ${choiceView({
      label: 'Status of the new order',
      verb: 'New order',
      choices: named(SAMPLES),
      chosen: 'in_progress',
      isDisabled: isBusy,
      onChoice: (choice) => handlers.onMake(choice as Sample),
    })}
    ${choiceView({
      label: 'Status that the order service reports',
      verb: 'Report status',
      choices: named(REPORTED),
      chosen: 'delivered',
      isDisabled: isBusy || orderId === null,
      onChoice: handlers.onReport,
    })}
    ${choiceView({
      label: 'Time to skip',
      verb: 'Skip time',
      choices: SKIPS,
      chosen: 'PT48H',
      isPrimary: true,
      isDisabled: isBusy || clock === null,
      onChoice: handlers.onAdvance,
    })}
  </div>`;
}

function languageView({ locale }: SandboxState, { onLocale }: SandboxHandlers): TemplateResult {
  const change = ({ target }: Event) => onLocale((target as HTMLSelectElement).value);
  return html`<select class="language" aria-label="Language of the resolution center" @change=${change}>${optionsOf(LOCALES, locale)}</select>`;
}

/** The bar at the top: what this is, the order's clock, and what the visitor can do as the marketplace. */
export function barView(state: SandboxState, handlers: SandboxHandlers): TemplateResult {
  const { tokens, clock, hasQueues } = state;
  return html`<header class="bar">
    <div class="row">
      <div class="brand">
        <img src="/ui/icon.svg" alt="" width="28" height="28">
        <h1>Resolution Center</h1>
        <span class="pill">Sandbox</span>
        ${
          clock === null
            ? nothing
            : html`<p class="clock">Order clock <time datetime=${clock.now}>${timeOf(clock.now)}</time></p>`
        }
      </div>
      <nav aria-label="Links">
        <a href="/docs">API reference</a>
        ${hasQueues ? html`<a href="/ops/queues">Queues</a>` : nothing}
        ${tokens === null ? nothing : languageView(state, handlers)}
      </nav>
    </div>
    ${
      tokens === null
        ? nothing
        : html`<div class="row">${toolsView(state, handlers)}
        </div>`
    }
  </header>`;
}
