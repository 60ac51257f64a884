import { expect, test } from 'vitest';
import { ANSWERS, DISPUTE_TYPES, type OrderEffect, ROLES, ruleOf } from '../../src/domain/rules.ts';
import { section } from './readme.ts';

const OUTCOME: Readonly<Record<OrderEffect, string>> = {
  cancel_order: '`mutually_cancelled`',
  apply_change: 'previous, with the change',
  none: 'previous',
};

function row(type: (typeof DISPUTE_TYPES)[number]): string {
  const rule = ruleOf(type);
  const openers = ROLES.filter((role) => rule.opening[role] !== undefined).join(' or ');
  const answers = ANSWERS.filter((answer) => rule.answers[answer] !== undefined);
  const after = answers.map((answer) => `${answer}: ${OUTCOME[rule.answers[answer]?.effect ?? 'none']}`);
  const silence = `silence: ${OUTCOME[rule.onExpiry.effect]}`;
  const cells = [
    `\`${type}\``,
    rule.purpose,
    openers,
    answers.map((answer) => `\`${answer}\``).join(', '),
    `\`${rule.defaultWindow.iso}\``,
    `\`${rule.onExpiry.action}\``,
    [...after, silence].join('; '),
  ];
  return `| ${cells.join(' | ')} |`;
}

test('the table of rules in the README is the one in the code', () => {
  const expected = [
    '| type | to | opened by | the respondent may | window | on silence | the order afterwards |',
    '|---|---|---|---|---|---|---|',
    ...DISPUTE_TYPES.map(row),
  ].join('\n');
  const [, table] = /<!-- rules:[^>]*-->\n(.*?)\n?<!-- \/rules -->/s.exec(section('The rules')) ?? [];
  expect(table).toBe(expected);
});
