import type { ServiceProcess } from '../../harness/process.ts';
import type { Pages } from '../../system/browser/pages.ts';
import type { Toolbox } from './toolbox.ts';

/** What a tool is tried with. */
export interface Stage {
  readonly toolbox: Toolbox;
  /** The built service; it takes webhooks to this machine, and requests through one proxy. */
  readonly service: ServiceProcess;
  /** An origin whose pages the service lets in, and the scripts of that origin. */
  readonly pages: Pages;
}

/** A row of the table. */
export interface Tool {
  readonly name: string;
  /** The packages whose versions the row shows, the tool's own first. */
  readonly packages: readonly string[];
  /** What is done with it, in Markdown. */
  readonly done: string;
  /**
   * Does it.
   * @returns the result in Markdown: `works`, and what a user of the tool has to know
   * @throws if the tool and the service do not work together
   */
  readonly tryOut: (stage: Stage) => Promise<string>;
}
