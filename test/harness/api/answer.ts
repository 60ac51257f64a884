import type { z } from 'zod';
import type { ProblemCode } from '../../../src/http/problems/problems.ts';
import type { ProblemDocument } from '../../../src/http/schemas/problem.ts';

export type Problem = z.output<typeof ProblemDocument>;

/** A response as it came over the wire. */
export interface RawAnswer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly text: string;
}

/** A response that the OpenAPI document allows. */
export class Answer<T> implements RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly text: string;

  constructor({ status, headers, text }: RawAnswer) {
    this.status = status;
    this.headers = headers;
    this.text = text;
  }

  get #isProblem(): boolean {
    return this.headers['content-type']?.startsWith('application/problem+json') ?? false;
  }

  /**
   * The body of a success.
   * @throws if this is a problem, saying which
   */
  get body(): T {
    if (this.#isProblem)
      throw new Error(`a success was expected, and came ${this.status}; read \`problem\` for a refusal: ${this.text}`);
    return JSON.parse(this.text) as T;
  }

  /**
   * The problem document of a refusal.
   * @throws if this is a success
   */
  get problem(): Problem {
    if (!this.#isProblem)
      throw new Error(`a refusal was expected, and came ${this.status}; read \`body\` for a success: ${this.text}`);
    return JSON.parse(this.text) as Problem;
  }

  /** The code of a problem; null for a success. */
  get code(): ProblemCode | null {
    return this.#isProblem ? this.problem.code : null;
  }
}
