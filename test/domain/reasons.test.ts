import { describe, expect, test } from 'vitest';
import { findReason, REASONS } from '../../src/domain/reasons.ts';
import type { Role } from '../../src/domain/rules.ts';

/** The catalogue of the contract, copied by hand: code, on whose account it counts, whether a comment is required. */
const CONTRACT: Readonly<Record<Role, string>> = {
  client: `
    ordered_by_mistake client
    duplicate_order client
    no_longer_needed client
    requirements_changed client
    found_alternative client
    freelancer_not_responding freelancer
    late_delivery freelancer
    service_not_received freelancer
    not_as_described freelancer comment
    quality_below_expectations freelancer comment
    scope_or_price_disagreement neutral
    freelancer_requested_cancel freelancer
    policy_or_ip_concern freelancer comment
    other neutral comment`,
  freelancer: `
    client_requested_cancel client
    client_not_responding client
    requirements_not_provided client
    ordered_wrong_service client
    out_of_scope_request client
    excessive_revisions client comment
    scope_or_price_disagreement neutral
    duplicate_order client
    cannot_deliver_on_time freelancer
    unable_to_complete freelancer
    personal_emergency freelancer
    abusive_behavior client comment
    policy_violation client comment
    other neutral comment`,
};

describe.each(Object.entries(CONTRACT) as [Role, string][])("the %s's reasons", (role, rows) => {
  const expected = rows
    .trim()
    .split('\n')
    .map((row) => row.trim().split(' '))
    .map(([code, attribution, comment]) => ({ code, role, attribution, requiresComment: comment === 'comment' }));

  test('are those of the contract, in its order', () => {
    const mine = REASONS.filter((reason) => reason.role === role);
    expect(mine.map(({ label, ...facts }) => facts)).toEqual(expected);
  });

  test('are found by code, and no other code is', () => {
    for (const reason of expected) expect(findReason(role, String(reason.code))).toMatchObject(reason);
    expect(findReason(role, 'no_such_reason')).toBeUndefined();
    expect(findReason(role, '')).toBeUndefined();
    expect(findReason(role, 'toString')).toBeUndefined();
  });
});

test('a code of both roles is the reason of the one who gives it', () => {
  expect(findReason('client', 'duplicate_order')?.label).not.toBe(findReason('freelancer', 'duplicate_order')?.label);
  expect(findReason('client', 'personal_emergency')).toBeUndefined();
  expect(findReason('freelancer', 'late_delivery')).toBeUndefined();
});

test('every reason has a label of its own to show', () => {
  for (const role of ['client', 'freelancer']) {
    const labels = REASONS.filter((reason) => reason.role === role).map(({ label }) => label);
    expect(new Set(labels).size).toBe(14);
    for (const label of labels) expect(label).toMatch(/^[A-Z].*[a-z]$/);
  }
});
