import { startDeployment } from './deployment.ts';
import type { Incident } from './incidents.ts';
import { cancelledBySilence } from './judge.ts';
import { createOperator, type Say } from './operator.ts';
import { firingAlerts } from './promtool.ts';
import { record } from './recording.ts';
import { allIsWell, type Scene, scrapes, startVisitor } from './scene.ts';
import { replayedAt, seriesOf } from './series.ts';

export interface DrillOptions {
  readonly incidents: readonly Incident[];
  /** How long the respondent to a cancellation has. */
  readonly windowSeconds: number;
  readonly say: Say;
}

/** What came of an incident. */
export interface Result {
  readonly name: string;
  readonly alert: string;
  /** How long after the break the alert fires, in seconds of the replay; null if it does not. */
  readonly firesAfter: number | null;
  readonly others: readonly string[];
  readonly brokenSeconds: number;
  readonly mendedBy: string;
  readonly cancelled: number;
  readonly lateMs: number;
  readonly wrong: readonly string[];
  readonly faults: readonly string[];
}

/** For how long all is as it was before the break, while it is broken, and afterwards, in seconds of the replay. */
const BEFORE = 900;
const BROKEN = 1_500;
const AFTER = 1_800;
const CALM_SCRAPES = 6;

const since = (begun: number): number => Math.round((Date.now() - begun) / 100) / 10;

function judgeAlerts(incident: Incident, scene: Scene, marks: { broken: number; paged: number }, say: Say) {
  const { scrapes: all, startedAt } = scene.recording;
  const pauses = [
    { after: marks.broken, seconds: BEFORE },
    { after: marks.paged, seconds: BROKEN },
    { after: all.length, seconds: AFTER },
  ];
  const end = replayedAt(all.length, pauses);
  const fired = firingAlerts(seriesOf(all, startedAt, pauses), end);
  const brokenAt = replayedAt(marks.broken, pauses);
  const pausedUntil = replayedAt(marks.paged, pauses);
  for (const { alert, severity, summary, runbook, at } of fired) {
    const first = (at[0] ?? 0) - brokenAt;
    say(`  ${severity === 'page' ? 'PAGE' : 'ticket'} ${alert} after ${first} s: ${summary} (${runbook})`);
  }
  const main = fired.find(({ alert, at }) => alert === incident.alert && (at[0] ?? 0) <= pausedUntil);
  return {
    firesAfter: main === undefined ? null : (main.at[0] ?? 0) - brokenAt,
    others: fired.map(({ alert }) => alert).filter((alert) => alert !== incident.alert),
    faults: [
      ...(main === undefined ? [`${incident.alert} does not fire`] : []),
      ...fired.filter(({ at }) => (at[0] ?? 0) <= brokenAt).map(({ alert }) => `${alert} fires while all is well`),
      ...fired.filter(({ at }) => (at.at(-1) ?? 0) > end - 30).map(({ alert }) => `${alert} fires to the end`),
    ],
  };
}

async function runIncident(
  incident: Incident,
  stage: Omit<Scene, 'recording'>,
  windowSeconds: number,
): Promise<Result> {
  const { deployment, say, outages } = stage;
  say(`\n== ${incident.name}`);
  const recording = record(deployment);
  const scene = { ...stage, recording };
  const known = new Set((await cancelledBySilence(deployment.database, outages)).map(({ orderId }) => orderId));
  await scrapes(recording, CALM_SCRAPES);
  await allIsWell(scene);
  const begun = Date.now();
  const brokenAt = recording.scrapes.length;
  const broken = await incident.breakIt(scene);
  say(`  broken; the metrics tell of it after ${since(broken.at)} s`);
  const paged = recording.scrapes.length;
  const mendedBy = await incident.respond(scene, broken);
  const brokenSeconds = since(begun);
  await scrapes(recording, CALM_SCRAPES);
  await allIsWell(scene);
  await recording.stop();
  say(`  all is well after ${brokenSeconds} s: ${mendedBy}`);
  const alerts = judgeAlerts(incident, scene, { broken: brokenAt, paged }, say);
  const judged = (await cancelledBySilence(deployment.database, outages)).filter(({ orderId }) => !known.has(orderId));
  const wrong = judged.filter(({ reachableSeconds }) => reachableSeconds < windowSeconds - 0.001);
  for (const { orderId, reachableSeconds, lateMs } of judged) {
    say(
      `  ${orderId}: cancelled by silence; its respondent could answer for ${reachableSeconds.toFixed(1)} s of ${windowSeconds} s; ${Math.round(lateMs)} ms after its deadline`,
    );
  }
  const faults = [
    ...alerts.faults,
    ...wrong.map(({ orderId }) => `${orderId} was cancelled, and its respondent could not answer`),
  ];
  for (const fault of faults) say(`  FAULT ${fault}`);
  return {
    ...{ name: incident.name, alert: incident.alert, ...alerts, faults, brokenSeconds, mendedBy },
    cancelled: judged.length,
    lateMs: Math.max(0, ...judged.map(({ lateMs }) => lateMs)),
    wrong: wrong.map(({ orderId }) => orderId),
  };
}

/** Acts out incidents on a deployment of its own, one after the other. It is taken away at the end of the test file. */
export async function runDrill({ incidents, windowSeconds, say }: DrillOptions): Promise<Result[]> {
  const deployment = await startDeployment(windowSeconds);
  const operator = await createOperator(deployment, say);
  const visitor = startVisitor(deployment);
  const outages: Scene['outages'] = [];
  const results: Result[] = [];
  try {
    for (const incident of incidents) {
      results.push(await runIncident(incident, { deployment, operator, visitor, say, outages }, windowSeconds));
    }
  } finally {
    await visitor.stop();
  }
  const strange = visitor.failures.filter((at) => !outages.some(({ from, until }) => at >= from && at <= until));
  if (strange.length === 0) return results;
  const fault = `the service did not answer at ${strange.map((at) => new Date(at).toISOString()).join(', ')}`;
  say(`FAULT ${fault}`);
  return results.map((result, n) =>
    n === results.length - 1 ? { ...result, faults: [...result.faults, fault] } : result,
  );
}
