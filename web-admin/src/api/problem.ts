/** Faults as the server words them: problem+json, RFC 9457. */
import type { Problem } from "./types";

export class ProblemError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail || problem.title);
    this.name = "ProblemError";
    this.problem = problem;
  }
}

/** Status 0: no answer came at all. */
export function unreachable(cause: unknown): ProblemError {
  return new ProblemError({ type: "unreachable", title: "No answer", status: 0, detail: String(cause) });
}

/** Whether it is the problem of this name, such as `not-running`: the end of its stable `type`. */
export function isProblem(fault: unknown, name: string): boolean {
  return fault instanceof ProblemError && fault.problem.type.endsWith(`/${name}`);
}

/** What to show to a person. `noAnswer`: the words for a server that cannot be reached. */
export function wordsOf(fault: unknown, noAnswer: string): string {
  if (fault instanceof ProblemError) return fault.problem.status === 0 ? noAnswer : fault.message;
  return fault instanceof Error ? fault.message : String(fault);
}
