// A process that uses the embedded servers of a directory until it is asked to end.
import { startEmbedded } from '../../src/dev/embedded/servers.ts';

const [dataDir = '', need = 'both'] = process.argv.slice(2);
const say = (line: string) => void process.stderr.write(`${line}\n`);
const needs = { needPostgres: need !== 'redis', needRedis: need !== 'postgres' };
const { databaseUrl, redisUrl, stop } = await startEmbedded({ dataDir, ...needs, say });
const wait = setInterval(() => {}, 60_000);
process.once('SIGTERM', () => void stop().finally(() => clearInterval(wait)));
process.stdout.write(`${JSON.stringify({ databaseUrl, redisUrl })}\n`);
