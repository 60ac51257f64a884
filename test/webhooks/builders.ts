import type { DeliveryState, EndpointState } from '../../src/webhooks/states.ts';

/** When histories of deliveries begin. */
export const BEGIN = Date.parse('2026-11-23T10:00:00.000Z');

/** An endpoint to which nothing has been sent yet. */
export const NEW_ENDPOINT: EndpointState = {
  url: 'https://receiver.example/0',
  types: null,
  active: true,
  activeSince: BEGIN,
  disabledReason: null,
  disabledAt: null,
  failingSince: null,
  failures: 0,
  releasedAt: null,
  urlChangedAt: null,
  typesChangedAt: null,
};

/** A delivery that has just been made. */
export const newDelivery = (type: string, queuedAt: number): DeliveryState => ({
  type,
  status: 'waiting',
  attempts: 0,
  isRetry: false,
  queuedAt,
  scheduledAt: null,
  askedUntil: null,
  nextAttemptAt: null,
  lastAttemptAt: null,
  claim: null,
  finishedAt: null,
});
