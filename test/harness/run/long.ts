/** Whether dear repeats of what shorter tests show are run, too: `npm run test:long` does, and so does CI. */
export const LONG = process.env['LONG'] === 'all';
