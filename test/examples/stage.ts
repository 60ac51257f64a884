import type { Client } from '../harness/client.ts';
import { letTimePass } from '../harness/database.ts';
import { CLIENT, FREELANCER } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';
import { LOCAL } from '../webhooks/endpoints.ts';
import { createRecorder, type Recorder } from './recorder.ts';

const HOUR_MS = 3_600_000;

/** A service in which nothing moves by itself, those who call it, and the recorder of what it answers. */
export interface Stage {
  readonly service: Service;
  readonly recorder: Recorder;
  readonly orderService: Client;
  readonly client: Client;
  readonly freelancer: Client;
  /** Moves a dispute, and what happened to it, into the past. */
  readonly letHoursPass: (disputeId: string, hours: number) => Promise<void>;
}

/** The name of services in the harness, and in the examples. */
const SERVICE_NAMES = ['a-service', 'back-office'] as const;

export async function createStage(): Promise<Stage> {
  const service = await startService({ env: LOCAL });
  const recorder = createRecorder();
  recorder.replace(...SERVICE_NAMES);
  return {
    service,
    recorder,
    orderService: service.withScopes('orders:write'),
    client: service.as(CLIENT),
    freelancer: service.as(FREELANCER),
    letHoursPass: (disputeId, hours) => letTimePass(service.database, disputeId, hours * HOUR_MS),
  };
}
