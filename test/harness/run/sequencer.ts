import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The folders whose files take longest: they run servers, processes and browsers of their own. */
const LONG = /\/test\/(proofs|system|docs|dev)\//;

/**
 * Starts with the files of folders that take long, so that no worker is left alone with one of them in the end. Without it the
 * largest files come first, and the short forms of the long proofs, which are small files, last.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification) => LONG.test(moduleId);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}
