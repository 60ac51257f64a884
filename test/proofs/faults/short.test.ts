import { expect, test } from 'vitest';
import { hasProgram, missingPrograms } from '../../harness/stage/programs.ts';
import { breachesOf } from './report.ts';
import { runOnce } from './run.ts';

const SEED = 7;
const lacking = missingPrograms();
// A skipped test says what this machine lacks.
const staged = hasProgram('redis-server') ? test : test.skip;
const but = lacking.length === 0 ? '' : ` (${lacking.join('; ')})`;

staged(
  `under faults no deadline is lost, none takes effect twice or early, and no acknowledged answer is undone${but}`,
  async () => {
    const load = { rate: 25, burst: 5, pauseMs: 175, restartPauseMs: 175, herd: 500 };
    const result = await runOnce({ seed: SEED, seconds: 8, calmSeconds: 0, only: null, ...load });
    // Times are measured by npm run test:faults; here only what may never happen counts.
    expect(breachesOf([result], false)).toEqual([]);
    expect(result.staged.length).toBeGreaterThan(3);
    expect(result.disputes).toBeGreaterThan(50);
    expect(result.history.answers.get('409 change_outdated') ?? 0).toBeGreaterThan(0);
  },
);
