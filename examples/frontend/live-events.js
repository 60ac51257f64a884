/**
 * The events of all orders of a user, over one connection for all tabs of a browser.
 *
 * One tab leads: it holds a Web Lock, reads GET /v1/events/stream and passes everything on over a BroadcastChannel. When it is
 * closed, the browser gives the lock to another tab, which goes on behind the last event that it was told of. Web Locks need
 * a page from https or localhost; elsewhere each tab has a connection of its own.
 */

const SILENCE_MS = 45_000; // a quiet stream carries a heartbeat every 15 s
const LONGEST_DELAY_MS = 60_000;
const GATHER_MS = 20;
const SPREAD_MS = 2_000; // all readers get `refresh` at once

/**
 * Follows the events of a user until the returned function is called.
 * @param {object} options
 * @param {string} options.api where the service is
 * @param {string} options.userId whose tabs share the connection: the `sub` of the token
 * @param {(how: { fresh: boolean }) => Promise<string>} options.token the user's token; `fresh`: the service refused the last one
 * @param {(events: object[]) => void} options.onEvents gets what came in one go, oldest first, each event once
 * @param {() => void} options.onReset read what the page shows: at first, when a position was lost, and when deadlines are held
 * @param {(state: 'connecting' | 'live' | 'offline' | 'signed out') => void} options.onState `signed out` is the last one
 * @returns {() => void}
 */
export function followEvents({ api, userId, token, onEvents, onReset, onState }) {
  const name = `resolution-center:${userId}`;
  const channel = new BroadcastChannel(name);
  const ended = new AbortController();
  const tab = createTab({ onEvents, onReset, onState });
  let isLeading = false;

  const stop = () => {
    ended.abort();
    channel.close();
  };
  const publish = (message) => {
    if (ended.signal.aborted) return;
    tab.take(message);
    channel.postMessage(message);
  };
  const lead = async () => {
    isLeading = true;
    await readStream({ api, token, position: () => tab.position(), publish, signal: ended.signal });
    if (ended.signal.aborted) return;
    // The next tab leads, and finds out with its own token.
    tab.take({ kind: 'state', state: 'signed out' });
    stop();
  };
  channel.onmessage = ({ data }) => {
    if (data.kind !== 'hello') tab.take(data);
    else if (isLeading) channel.postMessage({ kind: 'state', state: tab.state(), position: tab.position() });
  };
  channel.postMessage({ kind: 'hello' });
  tab.take({ kind: 'state', state: 'connecting' });
  const locks = globalThis.navigator?.locks;
  const leading = locks === undefined ? lead() : locks.request(name, { signal: ended.signal }, lead);
  leading.catch((error) => {
    if (!ended.signal.aborted) throw error;
  });
  return stop;
}

/** What one tab knows, and tells its page. Positions count up; a reset may take them back. */
function createTab({ onEvents, onReset, onState }) {
  let state;
  let position = null;
  let gathered = [];

  const begin = (at) => {
    position = at;
    gathered = [];
    onReset();
  };
  const flush = () => {
    const events = gathered;
    gathered = [];
    if (events.length > 0) onEvents(events);
  };
  return {
    state: () => state,
    position: () => position,
    take: (message) => {
      if (message.kind === 'reset') begin(message.position);
      if (message.kind === 'state') {
        if (message.state !== state) onState(message.state);
        state = message.state;
        if (state === 'live' && position === null && message.position !== null) begin(message.position);
      }
      if (message.kind === 'refresh' && position !== null) setTimeout(onReset, Math.random() * SPREAD_MS);
      if (message.kind === 'event' && position !== null && message.id > position) {
        position = message.id;
        if (gathered.length === 0) setTimeout(flush, GATHER_MS);
        gathered.push(message.data);
      }
    },
  };
}

/** Reads the stream, again and again, until the signal aborts or the service refuses the user. */
async function readStream({ api, token, position, publish, signal }) {
  const tell = (state) => publish({ kind: 'state', state, position: position() });
  let retryMs = 3_000;
  let failures = 0;
  let isRefused = false; // the last token was
  let isLost = false; // the position was
  while (!signal.aborted) {
    const after = isLost ? null : position();
    const connection = new AbortController();
    const hangUp = () => connection.abort();
    signal.addEventListener('abort', hangUp);
    let retryAfterMs = 0;
    try {
      const headers = { Accept: 'text/event-stream', Authorization: `Bearer ${await token({ fresh: isRefused })}` };
      if (after !== null) headers['Last-Event-ID'] = String(after);
      const response = await fetch(`${api}/v1/events/stream`, { headers, signal: connection.signal });
      if (response.status === 403 || (response.status === 401 && isRefused)) return;
      isRefused = response.status === 401;
      isLost = response.status === 409 && after !== null;
      if (isRefused || isLost) {
        await response.body?.cancel();
        continue;
      }
      if (!response.ok) {
        retryAfterMs = retryAfterOf(response);
        throw new Error(`the service answered ${response.status}`);
      }
      for await (const { id, event, data, retry } of messagesOf(response.body, hangUp)) {
        failures = 0;
        retryMs = Number(retry ?? retryMs);
        if (event === 'ready' && Number(id) !== after) publish({ kind: 'reset', position: Number(id) });
        if (event === 'ready') tell('live');
        else if (event === 'refresh') publish({ kind: 'refresh' });
        else if (event !== 'end') publish({ kind: 'event', id: Number(id), data: JSON.parse(data) });
      }
      tell('connecting');
    } catch {
      failures += 1;
      if (!signal.aborted) tell('offline');
    } finally {
      signal.removeEventListener('abort', hangUp);
    }
    await delay(Math.max(retryAfterMs, backOff(retryMs, failures)), failures > 0 && retryAfterMs === 0, signal);
  }
}

/** How long to wait: the service's own time at first, then longer with each failure; half of it is jitter. */
function backOff(retryMs, failures) {
  if (failures === 0) return retryMs;
  return Math.min(LONGEST_DELAY_MS, retryMs * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);
}

/** Retry-After in milliseconds, and up to a second more, so that pages that were refused together come back one by one. */
function retryAfterOf(response) {
  const given = response.headers.get('retry-after');
  if (given === null) return 0;
  const ms = /^\d+$/.test(given) ? Number(given) * 1_000 : Date.parse(given) - Date.now();
  return Math.max(0, ms || 0) + Math.random() * 1_000;
}

/** Waits; a network that comes back ends the wait if there is no other reason for it. */
function delay(ms, untilOnline, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(end, ms);
    function end() {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      globalThis.removeEventListener?.('online', end);
      resolve();
    }
    signal.addEventListener('abort', end);
    if (untilOnline) globalThis.addEventListener?.('online', end);
  });
}

/** The messages of a stream of server-sent events. A connection that is silent for too long is hung up. */
async function* messagesOf(body, hangUp) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  let message = {};
  let alarm;
  try {
    for (;;) {
      alarm = setTimeout(hangUp, SILENCE_MS);
      const { done, value } = await reader.read();
      clearTimeout(alarm);
      if (done) return;
      const lines = (text + value).split('\n');
      text = lines.pop();
      for (const line of lines) {
        const [, field, rest] = /^(\w+): ?(.*)$/.exec(line) ?? []; // a comment line has no field
        if (field !== undefined) message[field] = rest;
        else if (line === '') {
          yield message;
          message = {};
        }
      }
    }
  } finally {
    clearTimeout(alarm);
    await reader.cancel().catch(() => {});
  }
}
