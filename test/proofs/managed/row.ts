import type { Place } from './observe.ts';

/** How a service must be in a place: `unavailable` until it is healed, and `refuses` to start. */
export type Expected = 'ready' | 'degraded' | 'either' | 'unavailable' | 'refuses';

/** A managed setting: how it is set up, and how the service must be there. */
export interface Row {
  readonly name: string;
  readonly expected: Expected;
  readonly setUp: () => Promise<Place>;
}
