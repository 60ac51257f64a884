import { describe, expect, test } from 'vitest';
import { ENTRY_TYPES, OUTDATED_REASONS } from '../../../src/domain/commands.ts';
import { ATTRIBUTIONS, REASONS } from '../../../src/domain/reasons.ts';
import {
  ANSWERS,
  DISPUTE_ACTIONS,
  DISPUTE_TYPES,
  type DisputeAction,
  EXPIRY_ACTIONS,
  OTHER_ACTIONS,
  RESOLUTIONS,
  ROLES,
  ruleOf,
} from '../../../src/domain/rules.ts';
import { ORDER_STATUSES } from '../../../src/domain/state.ts';
import { INPUT_ERROR_CODES } from '../../../src/http/problems/input-errors.ts';
import { PROBLEMS } from '../../../src/http/problems/problems.ts';
import { LOCALES, TEXTS, type Texts } from '../../../src/http/texts/languages.ts';
import english from '../../../ui/src/texts/english.json' with { type: 'json' };

const placeholdersOf = (text: string) =>
  [...text.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name).sort((a, b) => a.localeCompare(b));
const keys = Object.keys(TEXTS.en) as (keyof Texts)[];
const known = new Set<string>(keys);
const missing = (wanted: readonly string[]) => wanted.filter((key) => !known.has(key));

describe.each(LOCALES)('the texts in %s', (locale) => {
  const texts: Texts = TEXTS[locale];

  test('have the keys of the English ones, in their order', () => {
    expect(Object.keys(texts)).toEqual(keys);
  });

  test('have the placeholders of the English ones', () => {
    const differing = keys.filter((key) => placeholdersOf(texts[key]).join() !== placeholdersOf(TEXTS.en[key]).join());
    expect(differing).toEqual([]);
  });

  test('are no empty or unkempt ones', () => {
    expect(
      keys.filter((key) => texts[key].trim() !== texts[key] || texts[key] === '' || / {2}|[|@]/.test(texts[key])),
    ).toEqual([]);
  });

  if (locale !== 'en')
    test('are translated wherever the language has sentences', () => {
      const sentences = keys.filter((key) => TEXTS.en[key].split(' ').length > 3);
      expect(sentences.filter((key) => texts[key] === TEXTS.en[key])).toEqual([]);
    });
});

describe('there is a text for', () => {
  const types = DISPUTE_TYPES;
  const viewpoints = ['you', ...ROLES];
  const either = (key: string, variants: readonly string[]) =>
    known.has(key) || variants.every((variant) => known.has(`${key}.${variant}`));

  test('each reason, as the opener and as the other party reads it', () => {
    expect(
      missing(REASONS.flatMap(({ role, code }) => ['opener', 'other'].map((who) => `reason.${role}.${code}.${who}`))),
    ).toEqual([]);
    for (const { role, code, label } of REASONS) {
      expect(TEXTS.en[`reason.${role}.${code}.opener` as keyof Texts]).toBe(label);
    }
  });

  test('each type, status, resolution, expiry action, attribution and role', () => {
    expect(
      missing([
        ...types.map((type) => `dispute_type.${type}`),
        ...['open', 'resolved'].map((status) => `dispute_status.${status}`),
        ...['action_required', 'awaiting_other_party', 'resolved'].map((state) => `viewer_state.${state}`),
        ...ORDER_STATUSES.map((status) => `order_status.${status}`),
        ...RESOLUTIONS.map((resolution) => `resolution.${resolution}`),
        ...EXPIRY_ACTIONS.map((action) => `expiry.${action}`),
        ...ATTRIBUTIONS.map((attribution) => `attribution.${attribution}`),
        ...[...ROLES, 'system', 'order_service', 'notifier'].map((role) => `role.${role}`),
        ...ENTRY_TYPES.map((type) => `event.${type}`),
      ]),
    ).toEqual([]);
  });

  test('each label, in English as it always was', () => {
    const labels: Readonly<Record<DisputeAction, string>> = {
      accept: 'Accept',
      decline: 'Decline',
      provide_update: 'Provide an update',
      withdraw: 'Withdraw the request',
      add_comment: 'Add a comment',
    };
    for (const action of DISPUTE_ACTIONS) expect(TEXTS.en[`label.${action}`]).toBe(labels[action]);
    for (const type of types) expect(TEXTS.en[`label.open.${type}`]).toBe(ruleOf(type).purpose);
  });

  test('each action, with its effect by type', () => {
    const effects = types.flatMap((type) => [
      `action_effect.open.${type}`,
      ...ANSWERS.filter((answer) => ruleOf(type).answers[answer] !== undefined).map(
        (answer) => `action_effect.${answer}.${type}`,
      ),
    ]);
    expect(
      missing([...DISPUTE_ACTIONS.map((action) => `action.${action}`), ...types.map((type) => `open.${type}`)]),
    ).toEqual([]);
    const others = Object.keys(OTHER_ACTIONS).map((action) => `action_effect.${action}`);
    expect(missing([...effects, ...others])).toEqual([]);
  });

  test('each entry of a timeline, from each viewpoint', () => {
    const actions = ENTRY_TYPES.filter((type) => type.startsWith('dispute.')).map((type) =>
      type.slice('dispute.'.length),
    );
    expect(actions.filter((action) => !either(`timeline.${action}`, viewpoints))).toEqual([]);
    expect(known.has('timeline.answered.order_service')).toBe(true);
  });

  test('each problem and its reasons, and each error of the input', () => {
    const codes = Object.keys(PROBLEMS) as (keyof typeof PROBLEMS)[];
    expect(missing([...codes, ...INPUT_ERROR_CODES].map((code) => `error.${code}`))).toEqual([]);
    for (const code of codes) expect(TEXTS.en[`problem.${code}`]).toBe(PROBLEMS[code].title);
    expect(
      missing([
        ...OUTDATED_REASONS.map((reason) => `error.change_outdated.${reason}`),
        ...['order_completed', 'order_cancelled'].map((reason) => `error.order_not_disputable.${reason}`),
      ]),
    ).toEqual([]);
  });

  test('everything that the web component shows, and in English the same', () => {
    expect(TEXTS.en).toMatchObject(english);
  });
});
