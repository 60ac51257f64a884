// Loaded before a process of the service: SIGWINCH begins a CPU profile, which is written down when its time is over.
import { renameSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';

const { PROFILE_FILE: file, PROFILE_MS: ms } = process.env;
const session = new Session();
const write = (_error, { profile }) => {
  writeFileSync(`${file}.part`, JSON.stringify(profile));
  renameSync(`${file}.part`, file);
};
const begin = () => {
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.setSamplingInterval', { interval: 500 });
  session.post('Profiler.start', () => setTimeout(() => session.post('Profiler.stop', write), Number(ms)));
};
process.once('SIGWINCH', begin);
