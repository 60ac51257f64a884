import { render } from 'lit';
import type {} from '../index.ts';
import { type Call, createCall, ifFound, Refused } from './api.ts';
import { type AdvancedClock, type Clocks, createClocks } from './clocks.ts';
import { followLog, readEndpoints } from './log.ts';
import { createOrders, type Orders } from './orders.ts';
import { pageView } from './page-view.ts';
import type { SandboxHandlers, SandboxState } from './state.ts';
import { enteredTokens, keptTokens, mintedTokens, TokenExpired, type TokenSource } from './tokens.ts';
import { timeOf } from './words.ts';

const EVENTS_SHOWN = 100;

/** What the page does as the marketplace, with one set of tokens. */
interface Marketplace {
  readonly call: Call;
  readonly orders: Orders;
  readonly clocks: Clocks;
}

const features = document.querySelector<HTMLMetaElement>('meta[name="features"]')?.content.split(' ') ?? [];

let state: SandboxState = {
  tokens: null,
  isReady: false,
  orderId: null,
  clock: null,
  events: [],
  endpoints: [],
  isBusy: false,
  message: null,
  secret: null,
  locale: 'en',
  hasQueues: features.includes('queues'),
};
let marketplace: Marketplace | null = null;
let following = new AbortController();

function update(change: Partial<SandboxState>): void {
  state = { ...state, ...change };
  render(pageView(state, handlers), document.body);
}

function messageOf(error: unknown): string {
  if (error instanceof Refused) return error.message;
  if (error instanceof TokenExpired) return 'A token has expired. Enter others.';
  return 'The service cannot be reached. Is it running?';
}

/** Carries something out, one thing at a time, and says what it came to. */
async function attempt(work: (marketplace: Marketplace) => Promise<string | null>): Promise<void> {
  if (marketplace === null || state.isBusy) return;
  update({ isBusy: true, message: null });
  try {
    const text = await work(marketplace);
    if (text !== null) update({ message: { kind: 'done', text } });
  } catch (error) {
    if (error instanceof TokenExpired) update({ tokens: null });
    update({ message: { kind: 'failed', text: messageOf(error) } });
  } finally {
    update({ isBusy: false });
  }
}

/** Shows an order, with its events from the first one on. */
async function show({ call, orders, clocks }: Marketplace, orderId: string): Promise<void> {
  following.abort();
  following = new AbortController();
  const { signal } = following;
  update({ orderId, events: [], endpoints: [], clock: null });
  const order = await ifFound(orders.read(orderId));
  const clockId = order?.testClockId ?? null;
  const clock = clockId === null ? null : await clocks.read(clockId);
  if (signal.aborted) return;
  update({ clock });
  const handlers = {
    onEvents: (events: SandboxState['events']) =>
      update({ events: [...[...events].reverse(), ...state.events].slice(0, EVENTS_SHOWN) }),
    onEndpoints: (endpoints: SandboxState['endpoints']) => update({ endpoints }),
  };
  void followLog(call, orderId, handlers, signal);
}

const orderInAddress = (): string => decodeURIComponent(location.hash.slice(1));

/** The address names the order, so that the browser's back button leads to the one before. */
function goTo(orderId: string): void {
  if (orderInAddress() === orderId) return;
  location.hash = encodeURIComponent(orderId);
}

function outcomeOf({ now, status, transitions }: AdvancedClock, orderId: string): string {
  if (status === 'advancing') return 'The clock is still moving.';
  const types = transitions.filter((one) => one.orderId === orderId).map(({ type }) => type.replace(/[._]/g, ' '));
  return `It is ${timeOf(now)} for this order. ${types.length === 0 ? 'Nothing became due.' : `Became due: ${types.join(', ')}.`}`;
}

const handlers: SandboxHandlers = {
  onTokens: (tokens) => void start(enteredTokens(tokens)),
  onMake: (sample) =>
    void attempt(async ({ orders, clocks }) => {
      goTo(await clocks.withClock((clock) => orders.make(sample, clock)));
      return null;
    }),
  onReport: (status) =>
    void attempt(async ({ orders }) => {
      if (state.orderId !== null) await orders.report(state.orderId, status);
      return null;
    }),
  onAdvance: (by) =>
    void attempt(async ({ clocks }) => {
      const { clock, orderId } = state;
      if (clock === null || orderId === null) return null;
      const advanced = await clocks.advance(clock.id, by);
      update({ clock: advanced });
      // Time alone is no event: the elements read what their order's clock says now.
      for (const element of document.querySelectorAll('resolution-center')) void element.refresh();
      return outcomeOf(advanced, orderId);
    }),
  onEndpoint: (url) =>
    void attempt(async ({ call }) => {
      const { secret } = await call<{ secret: string }>('service', 'POST', '/v1/webhook-endpoints', { body: { url } });
      update({ secret });
      if (state.orderId !== null) update({ endpoints: await readEndpoints(call, state.orderId) });
      return null;
    }),
  onLocale: (locale) => update({ locale }),
};

async function start(tokens: TokenSource): Promise<void> {
  const call = createCall(tokens);
  const made = { call, orders: createOrders(call, tokens), clocks: createClocks(call) };
  marketplace = made;
  update({ tokens });
  await attempt(async () => {
    if (orderInAddress() !== '') await show(made, orderInAddress());
    else goTo(await made.clocks.withClock((clock) => made.orders.make('in_progress', clock)));
    return null;
  });
}

globalThis.addEventListener('hashchange', () => {
  if (marketplace === null || orderInAddress() === '') return;
  show(marketplace, orderInAddress()).catch((error: unknown) =>
    update({ message: { kind: 'failed', text: messageOf(error) } }),
  );
});

update({});
try {
  const tokens = features.includes('tokens') ? ((await mintedTokens()) ?? keptTokens()) : keptTokens();
  update({ isReady: true });
  if (tokens !== null) await start(tokens);
} catch (error) {
  update({ message: { kind: 'failed', text: messageOf(error) } });
}
