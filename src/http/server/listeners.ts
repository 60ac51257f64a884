import type { FastifyInstance } from 'fastify';
import { buildWorkerApp } from '../system/worker-app.ts';
import { type AppDeps, buildApp } from './app.ts';

/** What decides which port answers what. */
export interface ListenerOptions {
  readonly role: 'api' | 'worker' | 'all';
  /** Whether operators have a port of their own. */
  readonly hasOpsPort: boolean;
}

/** The apps of a process, one for each port; none of them listens yet. */
export interface Listeners {
  readonly main: FastifyInstance;
  readonly ops: FastifyInstance | null;
}

function buildMain(deps: AppDeps, { role, hasOpsPort }: ListenerOptions): Promise<FastifyInstance> | FastifyInstance {
  if (role !== 'worker') return buildApp(deps, hasOpsPort ? 'callers' : 'whole');
  // A worker answers machines only, unless the configuration says how operators sign in.
  if (hasOpsPort || deps.operators.login === null) {
    const { system, access, log, logFailure } = deps;
    return buildWorkerApp({ ...access, system, log, logFailure, servesMetrics: !hasOpsPort });
  }
  return buildApp(deps, 'operators');
}

/** Builds what a process serves: one app for all callers, or a second one for operators where that is configured. */
export async function buildListeners(deps: AppDeps, options: ListenerOptions): Promise<Listeners> {
  return {
    main: await buildMain(deps, options),
    ops: options.hasOpsPort ? await buildApp(deps, 'operators') : null,
  };
}
