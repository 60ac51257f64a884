/** Whether a URL names the nodes of a Redis Cluster, and not one server. */
export const isCluster = (url: string): boolean => new URL(url).searchParams.get('cluster') === 'true';

/** Whether a URL names a cluster, and something with it that a cluster does not have: a database, a Sentinel's master. */
export function isMixedUp(url: string): boolean {
  const { pathname, searchParams } = new URL(url);
  return isCluster(url) && (!/^\/?0?$/.test(pathname) || searchParams.has('master'));
}
