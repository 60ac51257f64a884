import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

const PORTS = new Set(['', '443', '8443']);
const MAX_URL = 2_048;
const UNWRITTEN = /[\p{Cc}\p{Cs}\s]/u;
// Names that only mean something on the inside, those of a single word among them.
const LOCAL_NAMES = /^[^.]+\.?$|\.(localhost|local|internal|localdomain|home\.arpa)\.?$/i;

// 2002::/16, 64:ff9b::/96 and others carry an IPv4 address in them, and a relay or translator would unwrap it.
const isGlobalV6 = (address: ipaddr.IPv6) =>
  address.range() === 'unicast' && address.match(ipaddr.IPv6.parse('2000::'), 3);

/** Whether an address belongs to the public internet: no private, local, shared, reserved, translated or multicast one. */
export function isPublicAddress(text: string): boolean {
  if (!ipaddr.isValid(text)) return false;
  const address = ipaddr.process(text);
  return address instanceof ipaddr.IPv6 ? isGlobalV6(address) : address.range() === 'unicast';
}

/** What is wrong with a URL to send requests to; null if nothing is, as far as can be seen without resolving its name. */
export function urlFault(text: string, allowInsecure: boolean): string | null {
  if (text.length > MAX_URL) return `Write at most ${MAX_URL} characters.`;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) return 'Give an https URL.';
  // The parser drops or replaces them without a word.
  if (UNWRITTEN.test(text)) return 'Leave white space, control characters and half characters out of the URL.';
  if (url.username !== '' || url.password !== '') return 'Leave the user and the password out of the URL.';
  if (url.hash !== '') return 'Leave out the fragment (#…).';
  if (allowInsecure) return null;
  if (url.protocol !== 'https:') return 'Give an https URL.';
  if (!PORTS.has(url.port)) return 'Give a URL on port 443 or 8443.';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isPublic = isIP(host) === 0 ? !LOCAL_NAMES.test(host) : isPublicAddress(host);
  return isPublic ? null : 'Give a URL whose host has a public address.';
}
