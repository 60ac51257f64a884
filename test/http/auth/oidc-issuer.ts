// Runs oidc-provider, a real issuer, as a process of its own: node --import tsx test/http/auth/oidc-issuer.ts
// Prints its issuer. `POST /rotate` makes it sign with a new key and publish the old ones, too; `POST /withdraw` leaves it
// nothing but the key that it signs with.
import { createServer, type IncomingMessage } from 'node:http';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { type Configuration, Provider } from 'oidc-provider';

const PATH = '/tenant';
const SCOPES = 'orders:write disputes:read mail:send';

async function makeKey(kid: string): Promise<JWK> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  return { ...(await exportJWK(privateKey)), kid, alg: 'RS256', use: 'sig' };
}

const program = (client_id: string) => ({
  client_id,
  client_secret: `secret-of-${client_id}`,
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
});

const SHOP = {
  client_id: 'shop',
  token_endpoint_auth_method: 'none',
  application_type: 'native',
  redirect_uris: ['http://127.0.0.1/back'],
  grant_types: ['authorization_code'],
  response_types: ['code'],
};

const configuration = (keys: readonly JWK[]): Configuration =>
  ({
    jwks: { keys: [...keys] },
    clients: [SHOP, program('order-service'), program('mailer')],
    cookies: { keys: ['a key for cookies of the tests'] },
    findAccount: (_context: unknown, accountId: string) => ({ accountId, claims: () => ({ sub: accountId }) }),
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'https://rc.example.org',
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: SCOPES,
          audience: 'https://rc.example.org',
          accessTokenTTL: 600,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
  }) as Configuration;

const keys = [await makeKey('key-1')];
const server = createServer();
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const address = server.address();
if (address === null || typeof address === 'string') throw new Error('the issuer listens on no port');
const issuer = `http://127.0.0.1:${address.port}${PATH}`;
const serve = () => new Provider(issuer, configuration(keys)).callback();
let handle = serve();

server.on('request', (request: IncomingMessage & { originalUrl?: string }, response) => {
  const { url = '' } = request;
  if (url.startsWith(`${PATH}/`)) {
    // As a router would mount it.
    request.originalUrl = url;
    request.url = url.slice(PATH.length);
    void handle(request, response);
    return;
  }
  const change =
    url === '/rotate' ? makeKey(`key-${keys.length + 1}`).then((key) => keys.unshift(key)) : keys.splice(1);
  void Promise.resolve(change).then(() => {
    handle = serve();
    response.end();
  });
});
process.stdout.write(`issuer ${issuer}\n`);
