/** Faults as the server words them: problem+json, RFC 9457. */
import type { components } from "./schema";

export type Problem = components["schemas"]["Problem"];

export class ProblemError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail ?? problem.title);
    this.name = "ProblemError";
    this.problem = problem;
  }
}

/** Status 0: no answer came at all. */
export function unreachable(cause: unknown): ProblemError {
  return new ProblemError({ type: "unreachable", title: String(cause), status: 0 });
}

/** Whether the stable `type` of the problem ends in `name`, such as `not-running`. */
export function isProblem(fault: unknown, name: string): boolean {
  return fault instanceof ProblemError && fault.problem.type.endsWith(name);
}

/** What to show to a person. `noAnswer`: the words for a server that cannot be reached. */
export function wordsOf(fault: unknown, noAnswer: string): string {
  if (fault instanceof ProblemError) return fault.problem.status === 0 ? noAnswer : fault.message;
  return fault instanceof Error ? fault.message : String(fault);
}
