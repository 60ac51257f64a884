// Listens to a stream of the service with eventsource, and prints the type and the id of each event.
import { EventSource } from 'eventsource';

const [url, token] = process.argv.slice(2);
const source = new EventSource(url, {
  fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, Authorization: `Bearer ${token}` } }),
});
for (const type of ['ready', 'dispute.opened', 'dispute.withdrawn', 'order.status_changed', 'message']) {
  source.addEventListener(type, ({ data }) => {
    JSON.parse(data);
    process.stdout.write(`${type}\n`);
  });
}
source.addEventListener('error', ({ code, message }) => process.stdout.write(`error ${code ?? ''} ${message ?? ''}\n`));
