/**
 * The typed way to the HTTP API: method, path, parameters, body and answer all come from the OpenAPI description.
 *
 * Nothing here knows a single call; those stand in `calls.ts`.
 */
import { isProblem, ProblemError, unreachable } from "./problem";
import type { paths } from "./schema";
import type { Problem } from "./types";

export type Method = "get" | "post" | "patch" | "delete";

export type PathWith<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<M, { responses: unknown }> ? P : never;
}[keyof paths];

type Operation<M extends Method, P extends PathWith<M>> = paths[P][M];

type PathPart<Op> = Op extends { parameters: { path: infer Values } } ? { path: Values } : unknown;
type QueryPart<Op> = Op extends { parameters: { query?: infer Values } } ? { query?: Values } : unknown;
type BodyPart<Op> = Op extends { requestBody: { content: { "application/json": infer Body } } }
  ? { body: Body }
  : Op extends { requestBody?: { content: { "application/json": infer Body } } | undefined }
    ? { body?: Body }
    : unknown;
type Parts<Op> = PathPart<Op> & QueryPart<Op> & BodyPart<Op>;

type Success<R> = { [S in keyof R & (200 | 201 | 202 | 204)]: R[S] }[keyof R & (200 | 201 | 202 | 204)];
type Json<R> = R extends { content: { "application/json": infer Body } } ? Body : undefined;
type Answer<Op> = Op extends { responses: infer R } ? Json<Success<R>> : never;

export type Request = <M extends Method, P extends PathWith<M>>(
  method: M,
  path: P,
  parts: Parts<Operation<M, P>>,
) => Promise<Answer<Operation<M, P>>>;

export interface ClientSettings {
  /** The CSRF token of the session, sent with everything that changes something. */
  csrf(): string | undefined;
  /** Called when the server no longer knows the session. */
  onSignedOut(): void;
}

/** The parts as any call may have them, once their types have done their work. */
interface LooseParts {
  path?: Record<string, string>;
  query?: Record<string, string | number | boolean | null | undefined>;
  body?: unknown;
}

export function makeRequest(settings: ClientSettings): Request {
  return async (method, path, parts) => {
    const { path: values, query, body } = parts as LooseParts;
    const headers = new Headers({ Accept: "application/json" });
    if (body !== undefined) headers.set("Content-Type", "application/json");
    const csrf = method === "get" ? undefined : settings.csrf();
    if (csrf !== undefined) headers.set("X-CSRF-Token", csrf);

    const init: RequestInit = { method: method.toUpperCase(), headers, credentials: "same-origin" };
    if (body !== undefined) init.body = JSON.stringify(body);
    const response = await fetch(address(path, values, query), init).catch((fault: unknown) => {
      throw unreachable(fault);
    });

    if (!response.ok) {
      const refusal = new ProblemError(await readProblem(response));
      if (isProblem(refusal, "not-signed-in")) settings.onSignedOut();
      throw refusal;
    }
    return response.status === 204 ? undefined : await response.json();
  };
}

/** Fills `{name}` parts of the path, each escaped, and appends the query. */
export function address(path: string, values: LooseParts["path"] = {}, query: LooseParts["query"] = {}): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ""));
  const pairs = Object.entries(query).flatMap(([name, value]) => (value === undefined || value === null ? [] : [[name, String(value)]]));
  return pairs.length === 0 ? filled : `${filled}?${new URLSearchParams(pairs)}`;
}

async function readProblem(response: Response): Promise<Problem> {
  const fallback: Problem = { type: "about:blank", title: response.statusText, status: response.status, detail: "" };
  if (!response.headers.get("Content-Type")?.includes("json")) return fallback;
  return { ...fallback, ...((await response.json().catch(() => ({}))) as Partial<Problem>) };
}
