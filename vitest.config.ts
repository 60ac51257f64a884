import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/harness/run/sequencer.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/harness/run/global-setup.ts'],
    setupFiles: ['test/harness/run/after-file.ts'],
    sequence: { sequencer: LongestFirst },
    pool: 'forks',
    isolate: false,
    // Tests wait for servers, timers and browsers more than they compute.
    maxWorkers: 2 * Math.max(2, availableParallelism()),
    // Far above what a test takes: a busy machine must not fail it.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    watch: false,
  },
});
