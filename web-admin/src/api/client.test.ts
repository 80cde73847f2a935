import { afterEach, describe, expect, test, vi } from "vitest";
import { makeApi } from "./calls";
import { address, makeRequest } from "./client";
import { isProblem, ProblemError, wordsOf } from "./problem";

const sent: { url: string; init: RequestInit }[] = [];
const onSignedOut = vi.fn();
const api = makeApi(makeRequest({ csrf: () => "token", onSignedOut }));

/** Answers in turn, the last one for ever. */
function answering(...answers: (() => Response)[]): void {
  vi.stubGlobal("fetch", (url: string, init: RequestInit) => {
    sent.push({ url, init });
    const next = answers.length > 1 ? answers.shift() : answers[0];
    return next ? Promise.resolve(next()) : Promise.reject(new TypeError("no route to host"));
  });
}

const problem = (status: number, name: string) => () =>
  Response.json({ type: `/problems/${name}`, title: name, status, detail: `about ${name}` }, { status, headers: { "Content-Type": "application/problem+json" } });

afterEach(() => {
  sent.length = 0;
  onSignedOut.mockClear();
  vi.unstubAllGlobals();
});

test.each([
  ["/a/{x}/b/{y}", { x: "1/2", y: "ü" }, {}, "/a/1%2F2/b/%C3%BC"],
  ["/a", {}, { limit: 5, after: "x y", ban: undefined }, "/a?limit=5&after=x+y"],
])("%s is filled", (path, values, query, filled) => expect(address(path, values, query)).toBe(filled));

describe("what is sent", () => {
  test("a change carries the CSRF token and JSON", async () => {
    answering(() => Response.json({ participant_id: "p1", address: "bob" }, { status: 202 }));
    await api.addParticipant("7000", { address: "bob" });
    const [{ url, init } = { url: "", init: {} }] = sent;
    expect([init.method, url, init.body]).toEqual(["POST", "/api/v1/conferences/7000/participants", '{"address":"bob"}']);
    expect(Object.fromEntries(new Headers(init.headers))).toMatchObject({ "x-csrf-token": "token", "content-type": "application/json" });
  });

  test("a question carries neither", async () => {
    answering(() => Response.json({}));
    await api.whoAmI();
    expect([...new Headers(sent[0]?.init.headers).keys()]).toEqual(["accept"]);
  });

  test("a list is read to its last page", async () => {
    answering(() => Response.json({ items: [{ number: "1" }], next: "1" }), () => Response.json({ items: [{ number: "2" }] }));
    expect((await api.conferences()).map((plan) => plan.number)).toEqual(["1", "2"]);
    expect(sent.map(({ url }) => url)).toEqual(["/api/v1/conferences?limit=200", "/api/v1/conferences?limit=200&after=1"]);
  });
});

describe("what is refused", () => {
  const refused = async (answer: (() => Response)[]) => {
    answering(...answer);
    return api.whoAmI().catch((fault: unknown) => fault);
  };

  test("speaks in the server's words", async () => {
    const fault = await refused([problem(409, "taken")]);
    expect(wordsOf(fault, "no answer")).toBe("about taken");
    expect([isProblem(fault, "taken"), isProblem(fault, "aken"), onSignedOut.mock.calls.length]).toEqual([true, false, 0]);
  });

  test("a session that ended signs out, a wrong password does not", async () => {
    await refused([problem(401, "wrong-password")]);
    expect(onSignedOut).not.toHaveBeenCalled();
    await refused([problem(401, "not-signed-in")]);
    expect(onSignedOut).toHaveBeenCalledOnce();
  });

  test("a proxy's page is a problem by its status", async () => {
    const fault = await refused([() => new Response("<h1>", { status: 502, statusText: "Bad Gateway" })]);
    expect(fault instanceof ProblemError && [fault.problem.status, fault.message]).toEqual([502, "Bad Gateway"]);
  });

  test("a server that cannot be reached is told in our words", async () => {
    expect(wordsOf(await refused([]), "no answer")).toBe("no answer");
  });
});
