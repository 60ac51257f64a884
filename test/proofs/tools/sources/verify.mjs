// Verifies deliveries with a library that is given by name, and says which of them hold.
import { text } from 'node:stream/consumers';

const { Webhook } = await import(process.argv[2]);
const deliveries = JSON.parse(await text(process.stdin));
const holds = ({ secret, headers, body }) => {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
};
process.stdout.write(JSON.stringify(deliveries.map(holds)));
