import { html, nothing, type TemplateResult } from 'lit';
import { type Fault, lengthOf } from '../forms/draft.ts';
import { faultText } from '../forms/faults.ts';
import { type Context, text } from '../texts/context.ts';

interface FieldOptions {
  readonly id: string;
  readonly label: string;
  readonly isRequired: boolean;
  readonly fault: Fault | null | undefined;
  readonly hint?: string | undefined;
}

/** A field with its label, its hint and what is wrong with it. `control` gets what describes it. */
export function fieldView(
  context: Context,
  { id, label, isRequired, fault, hint }: FieldOptions,
  control: (described: string, isInvalid: boolean) => TemplateResult,
): TemplateResult {
  const isInvalid = fault !== null && fault !== undefined;
  const described = `${id}-hint ${id}-fault`;
  return html`<div part="field" class="field">
    <label for=${id}>${label}${isRequired ? nothing : html` <span class="secondary">${text(context, 'field.optional')}</span>`}</label>
    ${control(described, isInvalid)}
    <p class="secondary hint" id=${`${id}-hint`}>${hint ?? nothing}</p>
    <p class="fault" id=${`${id}-fault`}>${isInvalid ? faultText(context, fault) : nothing}</p>
  </div>`;
}

export interface CommentOptions {
  readonly id: string;
  readonly value: string;
  readonly maxLength: number;
  readonly isRequired: boolean;
  readonly fault: Fault | null | undefined;
  readonly onInput: (value: string) => void;
}

/** A text to the other party, with a counter. */
export function commentView(
  context: Context,
  { id, value, maxLength, isRequired, fault, onInput }: CommentOptions,
): TemplateResult {
  const count = lengthOf(value);
  const hint = text(context, 'field.count', {
    count: context.format.number(count),
    maximum: context.format.number(maxLength),
  });
  return fieldView(
    context,
    { id, label: text(context, 'field.comment'), isRequired, fault, hint },
    (described, isInvalid) => html`<textarea id=${id} rows="4" .value=${value} ?required=${isRequired}
      aria-invalid=${String(isInvalid || count > maxLength)} aria-describedby=${described}
      @input=${({ target }: Event) => onInput((target as HTMLTextAreaElement).value)}></textarea>`,
  );
}
