import { html, nothing, type TemplateResult } from 'lit';
import type { Center, ChangeField, OpenAction } from '../api-types.ts';
import { type Draft, type Faults, needsComment } from '../forms/draft.ts';
import type { Problem } from '../service/http.ts';
import { blockedText, type Context, otherRole, problemText, text } from '../texts/context.ts';
import { inWords } from '../texts/countdown.ts';
import { commentView, fieldView } from './fields.ts';

/** A request that is being made: nothing is chosen yet, chosen, or written. */
export interface Composing {
  readonly step: 'choose' | 'write';
  readonly draft: Draft | null;
  readonly faults: Faults;
  readonly problem: Problem | null;
  readonly isSending: boolean;
}

export interface ComposeHandlers {
  readonly onChoose: (type: string) => void;
  readonly onContinue: () => void;
  readonly onBack: () => void;
  readonly onDraft: (change: Partial<Draft>) => void;
  readonly onSubmit: () => void;
}

const labelOf = ({ translate }: Context, { type, label }: OpenAction): string => translate(`open.${type}`) ?? label;

/** What the other party's silence will do, and when. */
function windowText(context: Context, { onExpiry, windowSeconds }: OpenAction): string {
  const duration = context.format.duration(inWords(windowSeconds * 1_000));
  return text(context, `window.${onExpiry.action}.${otherRole(context.viewer)}`, { duration });
}

/** The list of what can be asked; what cannot, says why. */
export function chooseView(
  context: Context,
  { open }: Center,
  { draft }: Composing,
  { onChoose, onContinue }: ComposeHandlers,
): TemplateResult {
  const submit = (event: Event) => {
    event.preventDefault();
    onContinue();
  };
  const isChosen = open.some(({ type, allowed }) => allowed && type === draft?.type);
  return html`<form part="chooser" class="chooser" novalidate @submit=${submit}>
    <fieldset>
      <legend><h3 tabindex="-1" data-focus="choose">${text(context, 'choose.title')}</h3></legend>
      <p class="secondary">${text(context, 'choose.hint')}</p>
      ${open.map(
        (action) => html`<label part="option" class="option ${action.allowed ? '' : 'off'}">
          <input type="radio" name="type" value=${action.type} .checked=${draft?.type === action.type && action.allowed}
            ?disabled=${!action.allowed} aria-describedby=${`about-${action.type}`} @change=${() => onChoose(action.type)}>
          <span><span class="name">${labelOf(context, action)}</span>
          <span class="secondary" id=${`about-${action.type}`}>${
            action.blocked === null ? windowText(context, action) : blockedText(context, action.blocked)
          }</span></span>
        </label>`,
      )}
    </fieldset>
    <div class="actions"><button type="submit" part="button primary" class="primary" ?disabled=${!isChosen}>${text(context, 'continue')}</button></div>
  </form>`;
}

/** What could be asked if there were no open request, and why it cannot now. */
export function otherRequestsView(context: Context, { open }: Center): TemplateResult | typeof nothing {
  const blocked = open.filter((action) => action.blocked !== null);
  if (blocked.length === 0) return nothing;
  return html`<details part="others" class="others">
    <summary>${text(context, 'choose.others')}</summary>
    <ul class="blocked">${blocked.map(
      (action) =>
        html`<li><strong>${labelOf(context, action)}</strong> ${
          action.blocked === null ? nothing : blockedText(context, action.blocked)
        }</li>`,
    )}</ul>
  </details>`;
}

const two = (value: number): string => String(value).padStart(2, '0');

/** An instant as `<input type="datetime-local">` takes it. */
function localInput(ms: number): string {
  const date = new Date(ms);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

const MINUTE_MS = 60_000;

function extrasView(
  context: Context,
  field: ChangeField['extras'],
  draft: Draft,
  faults: Faults,
  onDraft: ComposeHandlers['onDraft'],
) {
  const { extras } = draft;
  const replace = (index: number, change: Partial<Draft['extras'][number]>) =>
    onDraft({ extras: extras.map((extra, at) => (at === index ? { ...extra, ...change } : extra)) });
  const example = context.format.samplePrice(field.currency);
  return html`<fieldset class="extras-form">
    <legend>${text(context, 'field.extras')} <span class="secondary">${text(context, 'field.optional')}</span></legend>
    ${extras.map(
      (
        { title, price },
        index,
      ) => html`<div class="extra" role="group" aria-label=${text(context, 'extra.number', { number: index + 1 })}>
        ${fieldView(
          context,
          {
            id: `extra-${index}-title`,
            label: text(context, 'field.extra.title'),
            isRequired: true,
            fault: faults.get(`/change/extras/${index}/title`),
          },
          (described, isInvalid) => html`<input id=${`extra-${index}-title`} type="text" .value=${title} required
            aria-invalid=${String(isInvalid)} aria-describedby=${described}
            @input=${({ target }: Event) => replace(index, { title: (target as HTMLInputElement).value })}>`,
        )}
        ${fieldView(
          { ...context, translate: (keys, params) => context.translate(keys, { example, ...params }) },
          {
            id: `extra-${index}-price`,
            label: text(context, 'field.extra.price', { currency: field.currency }),
            isRequired: true,
            fault: faults.get(`/change/extras/${index}/price`),
            hint: context.format.typedPrice(price, field.currency),
          },
          (
            described,
            isInvalid,
          ) => html`<input id=${`extra-${index}-price`} type="text" inputmode="decimal" autocomplete="off" .value=${price} required
            aria-invalid=${String(isInvalid)} aria-describedby=${described}
            @input=${({ target }: Event) => replace(index, { price: (target as HTMLInputElement).value })}>`,
        )}
        <button type="button" part="button link" class="link" aria-label=${`${text(context, 'extra.remove')}: ${text(context, 'extra.number', { number: index + 1 })}`}
          @click=${() => onDraft({ extras: extras.filter((_, at) => at !== index) })}>${text(context, 'extra.remove')}</button>
      </div>`,
    )}
    ${
      extras.length >= field.maxItems
        ? nothing
        : html`<button type="button" part="button plain" class="plain small" @click=${() => onDraft({ extras: [...extras, { title: '', price: '' }] })}>${text(context, 'extra.add')}</button>`
    }
  </fieldset>`;
}

function changeFields(
  context: Context,
  change: ChangeField,
  draft: Draft,
  faults: Faults,
  onDraft: ComposeHandlers['onDraft'],
) {
  const { after } = change.deliverBy;
  const least = Math.max(context.now, after === null ? context.now : Date.parse(after)) + MINUTE_MS;
  const hint =
    after === null ? undefined : text(context, 'field.deliver_by.after', { date: context.format.dateTime(after) });
  const fault = faults.get('/change/deliverBy') ?? faults.get('/change');
  return html`<p class="secondary">${text(context, 'change.hint')}</p>
    ${fieldView(
      context,
      {
        id: 'deliver-by',
        label: text(context, 'field.deliver_by'),
        isRequired: change.deliverBy.presence === 'required',
        fault,
        hint,
      },
      (
        described,
        isInvalid,
      ) => html`<input id="deliver-by" type="datetime-local" .value=${draft.deliverBy} min=${localInput(least)}
        aria-invalid=${String(isInvalid)} aria-describedby=${described}
        @input=${({ target }: Event) => onDraft({ deliverBy: (target as HTMLInputElement).value })}>`,
    )}
    ${extrasView(context, change.extras, draft, faults, onDraft)}`;
}

/** The form of one request, made from the fields of its action. */
export function writeView(
  context: Context,
  action: OpenAction,
  draft: Draft,
  { faults, problem, isSending }: Composing,
  { onBack, onDraft, onSubmit }: ComposeHandlers,
): TemplateResult {
  const { reason, comment, change } = action.fields;
  const submit = (event: Event) => {
    event.preventDefault();
    onSubmit();
  };
  return html`<form part="form" class="form" novalidate @submit=${submit}>
    <h3 tabindex="-1" data-focus="write">${labelOf(context, action)}</h3>
    <p class="secondary">${action.blocked === null ? windowText(context, action) : blockedText(context, action.blocked)}</p>
    ${
      reason === null
        ? nothing
        : fieldView(
            context,
            {
              id: 'reason',
              label: text(context, 'field.reason'),
              isRequired: reason.presence === 'required',
              fault: faults.get('/reason'),
            },
            (
              described,
              isInvalid,
            ) => html`<select id="reason" ?required=${reason.presence === 'required'} aria-invalid=${String(isInvalid)} aria-describedby=${described}
              @change=${({ target }: Event) => onDraft({ reason: (target as HTMLSelectElement).value })}>
              <option value="" ?selected=${draft.reason === ''}>${text(context, reason.presence === 'required' ? 'field.reason.choose' : 'field.reason.none')}</option>
              ${reason.options.map(
                ({ code, label }) =>
                  html`<option value=${code} ?selected=${draft.reason === code}>${
                    context.translate(`reason.${context.viewer}.${code}.opener`) ?? label
                  }</option>`,
              )}
            </select>`,
          )
    }
    ${change === null ? nothing : changeFields(context, change, draft, faults, onDraft)}
    ${commentView(context, {
      id: 'comment',
      value: draft.comment,
      maxLength: comment.maxLength,
      isRequired: needsComment(action, draft),
      fault: faults.get('/comment'),
      onInput: (value) => onDraft({ comment: value }),
    })}
    ${problem === null ? nothing : html`<p class="fault" role="alert">${problemText(context, problem)}</p>`}
    <div class="actions">
      <button type="submit" part="button primary" class="primary" ?disabled=${isSending || !action.allowed}>${text(context, isSending ? 'sending' : 'submit')}</button>
      <button type="button" part="button plain" class="plain" ?disabled=${isSending} @click=${onBack}>${text(context, 'back')}</button>
    </div>
  </form>`;
}
