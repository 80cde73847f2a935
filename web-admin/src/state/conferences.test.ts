import { describe, expect, test } from "vitest";
import { conferenceList } from "./conferences";
import { seat } from "./plan";
import { powersOf } from "./powers";
import { participant, plan, roster } from "./sample";

const all = powersOf({ allowed: ["POST /conferences/{number}/call-all", "POST /conferences"].map((call) => ({ call, reach: "everything" })) });
const own = powersOf({ allowed: [{ call: "POST /conferences/{number}/call-all", reach: "own" }] });
const me = (powers = all) => ({ account: "alice", powers, domain: "example.org" });

const stored = [
  plan("700", ["alice", "bob"], { title: "Board", alias: "board" }),
  plan("90", ["bob"]),
  plan("7010", [], { title: "Hearing" }),
];
const rooms = new Map([
  ["700", roster("700", [participant("alice"), participant("bob", { state: "ringing" })], { title: "Board" })],
  ["adhoc1", roster("adhoc1", [participant("x")], { title: "Ad hoc" })],
]);
const numbers = (...args: Parameters<typeof conferenceList>) => conferenceList(...args).rows.map((row) => row.number);

test("running ones come first, then by number", () => {
  expect(numbers(stored, rooms, "all", "", me())).toEqual(["700", "adhoc1", "90", "7010"]);
});

test("search looks at number, alias and title; the filter at what runs", () => {
  expect(numbers(stored, rooms, "all", "board", me())).toEqual(["700"]);
  expect(numbers(stored, rooms, "all", "70", me())).toEqual(["700", "7010"]);
  expect(numbers(stored, rooms, "running", "", me())).toEqual(["700", "adhoc1"]);
  expect(numbers(stored, rooms, "idle", "", me())).toEqual(["90", "7010"]);
});

test("counts are of all, whatever is shown", () => {
  expect(conferenceList(stored, rooms, "idle", "zzz", me())).toEqual({ rows: [], total: 4, running: 2 });
});

test("a running one counts who is in and who is called", () => {
  expect(conferenceList(stored, rooms, "running", "700", me()).rows[0]).toMatchObject({ present: 1, calling: 1, running: true, members: 2 });
});

describe("call all", () => {
  const offered = (powers = all) => conferenceList(stored, rooms, "all", "", me(powers)).rows.filter((row) => row.callAll).map((row) => row.number);

  test("is offered where nobody is in and somebody could be", () => expect(offered()).toEqual(["90"]));
  test("is not offered to a plain member", () => expect(offered(own)).toEqual([]));
  test("is offered to the chair of that conference", () => {
    const led = [plan("90", [], { members: [seat({ address: "sip:alice@example.org", role: "chair" }), seat({ address: "bob" })] })];
    expect(conferenceList(led, new Map(), "all", "", me(own)).rows[0]?.callAll).toEqual({ want: "call-all", number: "90" });
  });
});
