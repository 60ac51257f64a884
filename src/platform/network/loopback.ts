const NAMES = new Set(['localhost', '::1', '[::1]']);
const IPV4 = /^127(?:\.\d{1,3}){3}$/;

/** Whether a host names this machine's loopback interface. Any other name does not, even if it resolves to such an address. */
export const isLoopback = (host: string): boolean => NAMES.has(host) || IPV4.test(host);
