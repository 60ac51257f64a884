import { describe, expect, test } from 'vitest';
import { flag, number, oneOf, parseOptions, text } from './options.ts';

const OPTIONS = {
  seconds: number(90, 'how long'),
  rate: number(undefined, 'how often'),
  only: text('TEXT', 'only these'),
  scenario: oneOf(['calm', 'storm'], 'what is run'),
  'write-docs': flag('writes'),
};

describe('the options of a command', () => {
  test('are what is usual without a command line', () => {
    const usual = { seconds: 90, rate: undefined, only: '', scenario: 'calm', 'write-docs': false };
    expect(parseOptions(OPTIONS, [])).toEqual(usual);
  });

  test('are what the command line says', () => {
    const args = ['--seconds', '3', '--rate', '0.5', '--only', 'a,b', '--scenario', 'storm', '--write-docs'];
    const given = { seconds: 3, rate: 0.5, only: 'a,b', scenario: 'storm', 'write-docs': true };
    expect(parseOptions(OPTIONS, args)).toEqual(given);
  });

  test.each([
    [['--secnods', '3'], "Unknown option '--secnods'"],
    [['--seconds', 'abc'], '--seconds has to be a number, not "abc"'],
    [['--seconds', ''], '--seconds has to be a number, not ""'],
    [['--seconds=-1'], '--seconds has to be a number, not "-1"'],
    [['--scenario', 'rain'], '--scenario has to be one of calm, storm, not "rain"'],
    [['--write-docs=yes'], "Option '--write-docs' does not take an argument"],
    [['storm'], "Unexpected argument 'storm'"],
  ])('%j is refused', (args, problem) => {
    expect(() => parseOptions(OPTIONS, args)).toThrow(problem);
  });
});
