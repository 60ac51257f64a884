import { mintToken, type TokenShape } from './development.ts';

/** What a start on a developer's machine prints: an example that works as it is pasted, each time with a new order. */
export async function example(baseUrl: string, secret: string, shape: TokenShape): Promise<string> {
  const orderId = `sample-${new Date().toISOString().replace(/\D/g, '').slice(0, 14)}`;
  const [orders, client, freelancer] = await Promise.all([
    mintToken(secret, { sub: 'order-service', scope: 'orders:write' }, shape),
    mintToken(secret, { sub: 'user-7' }, shape),
    mintToken(secret, { sub: 'user-9' }, shape),
  ]);
  return `
Paste this into another terminal. It reports an order of client user-7 with freelancer user-9,
asks for its cancellation as the client, and accepts as the freelancer:

API=${baseUrl}
ORDER_SERVICE=${orders}
CLIENT=${client}
FREELANCER=${freelancer}

curl -sS -X PUT $API/v1/orders/${orderId} -H "Authorization: Bearer $ORDER_SERVICE" -H 'Content-Type: application/json' \\
  -d '{"clientId":"user-7","freelancerId":"user-9","status":"in_progress","deliverBy":null,"price":{"amount":15000,"currency":"USD"},"revision":1}'; echo

DISPUTE=$(curl -sS -X POST $API/v1/orders/${orderId}/disputes -H "Authorization: Bearer $CLIENT" -H 'Content-Type: application/json' \\
  -d '{"type":"cancellation","reason":"late_delivery","comment":"Two weeks late."}' | sed 's/^{"id":"\\([^"]*\\)".*/\\1/'); echo "opened $DISPUTE"

curl -sS -X POST $API/v1/disputes/$DISPUTE/accept -H "Authorization: Bearer $FREELANCER"; echo
`;
}
