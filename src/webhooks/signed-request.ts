import type { Logger } from 'pino';
import { Webhook } from 'standardwebhooks';
import type { Encryption } from '../platform/encryption.ts';
import { createBounded } from '../platform/logging/bounded.ts';
import type { OutgoingRequest } from '../platform/network/outgoing.ts';
import { VERSION } from '../platform/version.ts';
import type { FeedRow } from '../store/feed.ts';
import type { Claimed } from './deliver.ts';

export interface RequestDeps {
  readonly encryption: Encryption;
  /** Makes the payload of an event; with what people wrote only where the endpoint may have it. */
  readonly present: (entry: FeedRow, withComment: boolean) => unknown;
  readonly log: Logger;
}

const USER_AGENT = `resolution-center/${VERSION}`;
const QUIET_MS = 60_000;

/**
 * Makes what turns a delivery into its request, signed by every secret that counts. A previous secret that no key decrypts is left
 * out, with a line in the log once a minute: the receiver has the new one, too.
 * @returns a function that throws where no key decrypts the current secret
 */
export function createRequestMaker({ encryption, present, log }: RequestDeps): (claimed: Claimed) => OutgoingRequest {
  const bounded = createBounded(QUIET_MS);
  const decryptPrevious = (encrypted: string, endpointId: string): string[] => {
    try {
      return [encryption.decrypt(encrypted, endpointId)];
    } catch (error) {
      const repeated = bounded(endpointId);
      if (repeated !== null) {
        const facts = { err: error, endpointId, ...(repeated > 0 && { repeated }) };
        log.warn(facts, 'the previous secret of an endpoint cannot be decrypted: the current one signs alone');
      }
      return [];
    }
  };
  return ({ delivery, endpoint, entry, secrets: [current, ...previous] }) => {
    const body = JSON.stringify(entry === null ? delivery.payload : present(entry, endpoint.includeComments));
    const sentAt = new Date();
    const secrets = [
      encryption.decrypt(current, endpoint.id),
      ...previous.flatMap((encrypted) => decryptPrevious(encrypted, endpoint.id)),
    ];
    const headers = {
      'content-type': 'application/json; charset=utf-8',
      'user-agent': USER_AGENT,
      'webhook-id': delivery.messageId,
      'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1_000)),
      'webhook-signature': secrets
        .map((secret) => new Webhook(secret).sign(delivery.messageId, sentAt, body))
        .join(' '),
    };
    return { url: endpoint.url, headers, body };
  };
}
