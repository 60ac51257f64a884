import type { Message } from './inbox.ts';

export type Party = 'client' | 'freelancer';

/** What this backend reads of an event. `components['schemas']['Event']` of the OpenAPI document has all of it. */
export interface Event {
  readonly type: string;
  readonly orderId: string;
  readonly actor: { readonly role: string };
  readonly order: {
    readonly clientId: string;
    readonly freelancerId: string;
    readonly title: string | null;
    readonly status: string;
    readonly deliverBy: string | null;
  };
  readonly dispute?: {
    readonly id: string;
    readonly respondent: { readonly role: Party };
    readonly respondBy: string;
  };
  /** Only for an endpoint with `includeComments`. */
  readonly comment?: string;
}

/** @returns the event of a message, or null for one that is about the endpoint, such as a test */
export function eventOf({ data }: Message): Event | null {
  // The signature says that the service made it, and the document what it holds.
  return data.orderId === undefined ? null : (data as unknown as Event);
}
