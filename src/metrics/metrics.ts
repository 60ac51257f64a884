import { Counter, collectDefaultMetrics, Gauge, type GaugeConfiguration, Histogram, Registry } from 'prom-client';
import { END_REASONS } from '../application/feed/follow.ts';
import type { Trigger } from '../application/write.ts';
import { DISPUTE_TYPES } from '../domain/rules.ts';
import type { Entry } from '../domain/transition.ts';
import { VERSION } from '../platform/version.ts';

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
// A deadline can be late by as long as a database was away.
const LATENESS_SECONDS = [...SECONDS, 30, 60, 300, 3_600];

/** A gauge without a value until it is set: 0 would be a claim. */
function unknownYet(configuration: GaugeConfiguration<string>): Gauge {
  const gauge = new Gauge(configuration);
  gauge.remove();
  return gauge;
}

/** What the service measures of itself, by Prometheus' conventions. */
export function createMetrics(role: string) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const metrics = {
    registry,
    requests: new Histogram({
      name: 'http_request_duration_seconds',
      help: 'Requests by operation and status.',
      labelNames: ['operation', 'status'] as const,
      buckets: SECONDS,
      registers,
    }),
    authFailures: new Counter({
      name: 'auth_failures_total',
      help: 'Requests that proved nothing about their sender, by reason: no_token, or why the token was refused.',
      labelNames: ['reason'] as const,
      registers,
    }),
    issuerKeysUp: unknownYet({
      name: 'issuer_keys_up',
      help: "Whether the last attempt to fetch the issuer's keys succeeded; nothing where a secret checks the tokens.",
      registers,
    }),
    entries: new Counter({
      name: 'log_entries_total',
      help: 'What happened to disputes and orders, by type of log entry and type of dispute.',
      labelNames: ['entry', 'type'] as const,
      registers,
    }),
    resolved: new Counter({
      name: 'disputes_resolved_total',
      help: 'Disputes that ended, by type, by how they ended, and by what brought it about.',
      labelNames: ['type', 'resolution', 'trigger'] as const,
      registers,
    }),
    commandBatch: new Histogram({
      name: 'command_batch_size',
      help: 'How many commands of callers one transaction carried out; 1 where a command came alone.',
      buckets: [1, 2, 4, 8, 16, 32, 64],
      registers,
    }),
    commandQueue: new Histogram({
      name: 'command_queue_duration_seconds',
      help: 'How long commands of callers waited for their transaction to begin.',
      buckets: [0.001, 0.0025, ...SECONDS],
      registers,
    }),
    lateness: new Histogram({
      name: 'deadline_lateness_seconds',
      help: 'How long after its deadline silence took effect, by dispute type and by what brought it about.',
      labelNames: ['type', 'trigger'] as const,
      buckets: LATENESS_SECONDS,
      registers,
    }),
    jobs: new Counter({
      name: 'deadline_jobs_total',
      help: 'Deadline jobs by outcome: settled, early (put back), nothing_to_do (stale).',
      labelNames: ['outcome'] as const,
      registers,
    }),
    handedOver: new Counter({
      name: 'timers_handed_over_total',
      help: 'Timers that the relay handed to the queue, or took out of it.',
      labelNames: ['kind'] as const,
      registers,
    }),
    failures: new Counter({
      name: 'deadline_failures_total',
      help: 'Deadlines that could not take effect when they were tried.',
      registers,
    }),
    drift: new Gauge({
      name: 'deadline_drift',
      help: 'Where the queue was not as Postgres says, in the last reconciliation: missing and orphaned jobs, by kind.',
      labelNames: ['kind'] as const,
      registers,
    }),
    webhookAttempts: new Counter({
      name: 'webhook_attempts_total',
      help: 'Attempts to deliver a webhook by outcome: delivered, failed, not_sent.',
      labelNames: ['outcome'] as const,
      registers,
    }),
    webhookDuration: new Histogram({
      name: 'webhook_attempt_duration_seconds',
      help: 'How long receivers took to answer.',
      buckets: [...SECONDS, 15],
      registers,
    }),
    webhookFirstAttempt: new Histogram({
      name: 'webhook_first_attempt_delay_seconds',
      help: 'How long after an event its first delivery was attempted.',
      buckets: [...SECONDS, 30, 60],
      registers,
    }),
    webhookOldestAge: new Gauge({
      name: 'webhook_oldest_undelivered_age_seconds',
      help: 'For how long the oldest message owed to an active endpoint has been owed, when housekeeping last looked.',
      registers,
    }),
    webhookEndpointsDisabled: new Gauge({
      name: 'webhook_endpoints_disabled',
      help: 'Endpoints that are disabled, since they answered 410 or failed for five days.',
      registers,
    }),
    streamsOpen: new Gauge({
      name: 'event_streams_open',
      help: 'Open streams of server-sent events of this process, by what they follow: order, or user (all orders of a user).',
      labelNames: ['kind'] as const,
      registers,
    }),
    streamsEnded: new Counter({
      name: 'event_streams_ended_total',
      help: `Streams that are over, by reason: disconnected (by the client), ${END_REASONS.join(', ')}.`,
      labelNames: ['reason'] as const,
      registers,
    }),
    loopSucceeded: new Gauge({
      name: 'worker_loop_last_success_timestamp_seconds',
      help: 'When a loop of this worker, the sweeper or the relay, last got through a round.',
      labelNames: ['loop'] as const,
      registers,
    }),
  };
  new Gauge({
    name: 'build_info',
    help: 'Always 1; the labels say which release runs, in which role.',
    labelNames: ['version', 'role'] as const,
    registers,
  }).set({ version: VERSION, role }, 1);
  // A series that begins with its first event hides that event from rate().
  for (const outcome of ['settled', 'early', 'nothing_to_do']) metrics.jobs.inc({ outcome }, 0);
  for (const outcome of ['delivered', 'failed', 'not_sent']) metrics.webhookAttempts.inc({ outcome }, 0);
  for (const kind of ['order', 'user']) metrics.streamsOpen.set({ kind }, 0);
  for (const reason of ['disconnected', ...END_REASONS]) metrics.streamsEnded.inc({ reason }, 0);
  for (const type of DISPUTE_TYPES) {
    for (const trigger of ['job', 'sweep', 'touch']) metrics.lateness.zero({ type, trigger });
  }
  return metrics;
}

export type Metrics = ReturnType<typeof createMetrics>;

/** Counts a transaction of commands by how many they were, and how long each has waited, in seconds. */
export function observeBatch(metrics: Metrics, queuedSeconds: readonly number[]): void {
  metrics.commandBatch.observe(queuedSeconds.length);
  for (const seconds of queuedSeconds) metrics.commandQueue.observe(seconds);
}

/** Counts committed entries, how disputes ended, and how late silence took effect. */
export function observeEntries(metrics: Metrics, entries: readonly Entry[], trigger: Trigger): void {
  for (const { type, dispute, at } of entries) {
    metrics.entries.inc({ entry: type, type: dispute?.type ?? 'none' });
    const resolution = dispute?.resolved?.resolution;
    if (dispute === null || resolution === undefined || type !== `dispute.${resolution}`) continue;
    const isExpiry = resolution === 'expired';
    // Silence that a request comes upon has nothing to do with what the request asks for.
    const label = { type: dispute.type, trigger: isExpiry && trigger === 'request' ? 'touch' : trigger };
    metrics.resolved.inc({ ...label, resolution });
    if (isExpiry) metrics.lateness.observe(label, (at - dispute.respondBy) / 1_000);
  }
}
