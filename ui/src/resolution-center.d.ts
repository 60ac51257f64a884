// What the npm package promises to a page. The class in element.ts implements it, so that the two cannot differ.
import type { Dispute } from './api-types.js';

export type { Actor, Dispute, Extra, Money, Notice, OnExpiry, Role } from './api-types.js';

/** Gives a valid token of the user. `fresh`: the service refused the last one. */
export type GetToken = (how: { readonly fresh: boolean }) => string | Promise<string>;

/** The detail of `rc-change`: what the element shows from now on. */
export interface ChangeDetail {
  readonly orderId: string;
  readonly orderStatus: string;
  /** The open request, or else the last one. */
  readonly dispute: Dispute | null;
}

/** The detail of `rc-error`: what did not work. The element shows it as well. */
export interface ErrorDetail {
  /** A code of the API, or `offline`, `signed_out`, `unexpected`. */
  readonly code: string;
  /** The status of the answer, null where there was none. */
  readonly status: number | null;
  readonly requestId: string | null;
}

/** `<resolution-center order-id="…">`: the resolution center of one order, as the party that looks at it sees it. */
export declare class ResolutionCenterElement extends HTMLElement {
  /** The order to show. Attribute `order-id`. */
  orderId: string;
  /** Where the service is: where this module came from, unless set. Attribute `api`. */
  api: string;
  /** The language, such as `pt-BR`: the page's, unless set. Attribute `locale`. */
  locale: string | null;
  /** Gives the token of the party that looks. Nothing is read before it is set. It has no attribute. */
  getToken: GetToken | null;
  /** Reads again what the element shows. It does so by itself whenever something happens. */
  refresh(): Promise<void>;
}

declare global {
  interface HTMLElementTagNameMap {
    'resolution-center': ResolutionCenterElement;
  }

  // Both bubble, so that any ancestor may listen for them.
  interface GlobalEventHandlersEventMap {
    'rc-change': CustomEvent<ChangeDetail>;
    'rc-error': CustomEvent<ErrorDetail>;
  }
}
