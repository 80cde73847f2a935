import { describe, expect, test } from "vitest";
import type { Participant } from "../api/types";
import { bars, leg, standingOf } from "./leg";
import { chosen, merge, room } from "./room";
import { participant, plan, roster } from "./sample";

const DOMAIN = "example.org";
const board = plan("7000", ["alice", "bob", "tel:+390255501"]);
const seen = (participants: Participant[] | undefined, may = true) =>
  room(board, participants && roster("7000", participants), may, DOMAIN);
const alice = (more: Partial<Participant> = {}) => participant("alice", more);
const bob = (more: Partial<Participant> = {}) => participant("bob", more);
const ended = (cause: Participant["cause"]) => ({ state: "disconnected", cause: cause ?? null }) as const;

describe("members and participants are one list", () => {
  test("a member turns into the participant with the same address, however it is written", () => {
    const entries = merge(board, roster("7000", [alice(), participant("x", { address: "tel:+39-0255501" })]), DOMAIN);
    expect(entries.map(({ key, participant: one }) => [key, one?.id])).toEqual([["alice", "alice"], ["bob", undefined], ["+390255501", "x"]]);
  });

  test("who is not listed comes after the members", () => {
    const entries = merge(board, roster("7000", [participant("guest"), bob()]), DOMAIN);
    expect(entries.map((entry) => entry.participant?.id)).toEqual([undefined, "bob", undefined, "guest"]);
  });

  test("a new call replaces the row of the one that ended", () => {
    const entries = merge(board, roster("7000", [alice(ended("busy")), alice({ id: "again", state: "ringing" })]), DOMAIN);
    expect(entries).toHaveLength(3);
    expect(entries[0]?.participant?.id).toBe("again");
  });

  test("a second phone of somebody who is in has a row of its own", () => {
    const entries = merge(board, roster("7000", [alice(), alice({ id: "second" })]), DOMAIN);
    expect(entries.map((entry) => entry.participant?.id)).toEqual(["alice", undefined, undefined, "second"]);
  });

  test("another domain is another person", () => {
    const entries = merge(board, roster("7000", [alice({ address: "sip:alice@elsewhere.net" })]), DOMAIN);
    expect(entries).toHaveLength(4);
  });
});

describe("what may be asked for", () => {
  test.each([
    ["nobody called yet", undefined, { callAll: true, callRest: false, callFailed: false, end: false, lock: false }],
    ["one in", [alice()], { callAll: false, callRest: true, callFailed: false, end: true, lock: true }],
    ["one in, one busy", [alice(), bob(ended("busy"))], { callAll: false, callRest: true, callFailed: true, end: true, lock: true }],
    ["all in", [alice(), bob(), participant("m", { address: "tel:+390255501" })], { callAll: false, callRest: false, callFailed: false, end: true, lock: true }],
    ["all failed: the rest are the failed", [alice(ended("busy")), bob(ended("declined")), participant("m", { address: "tel:+390255501", ...ended("no_answer") })], { callAll: true, callRest: false, callFailed: false, end: true, lock: true }],
    ["who left is called with the rest, not with the failed", [alice(), bob(ended("left"))], { callAll: false, callRest: true, callFailed: false, end: true, lock: true }],
  ] as const)("%s", (_, participants, offered) => {
    const now = seen(participants as Participant[] | undefined);
    const { callAll, callRest, callFailed, end, lock } = now;
    const got = Object.fromEntries(Object.entries({ callAll, callRest, callFailed, end, lock }).map(([name, wish]) => [name, wish !== undefined]));
    expect(got).toEqual(offered);
  });

  test("nothing to who may not steer", () => {
    const now = seen([alice(), bob(ended("busy"))], false);
    const wishes = [now.callAll, now.callRest, now.callFailed, now.muteAll, now.unmuteAll, now.lock, now.unlock, now.end];
    expect(wishes.filter((wish) => wish !== undefined)).toEqual([]);
  });

  test("mute all while somebody is open, unmute all while somebody is muted", () => {
    expect([seen([alice()]).muteAll, seen([alice()]).unmuteAll].map(Boolean)).toEqual([true, false]);
    expect([seen([alice({ muted: true })]).muteAll, seen([alice({ muted: true })]).unmuteAll].map(Boolean)).toEqual([false, true]);
  });
});

describe("a leg", () => {
  const now = (more: Partial<Participant>, may = true) => leg({ key: "k", member: undefined, participant: alice(more) }, "7000", may);
  const offered = (one: ReturnType<typeof leg>) => (["mute", "unmute", "hangUp", "call", "lowerHand"] as const).filter((name) => one[name] !== undefined);

  test.each([
    ["connected", { state: "connected" }, ["mute", "hangUp"]],
    ["muted", { state: "connected", muted: true }, ["unmute", "hangUp"]],
    ["hand raised", { state: "connected", hand_raised: true }, ["mute", "hangUp", "lowerHand"]],
    ["ringing", { state: "ringing" }, ["hangUp"]],
    ["busy", ended("busy"), ["call"]],
    ["left", ended("left"), ["call"]],
    ["left from a browser: nothing to call", { ...ended("left"), door: "browser" }, []],
  ] as const)("%s offers %j", (_, more, names) => {
    expect(offered(now(more))).toEqual(names);
    expect(offered(now(more, false))).toEqual([]);
  });

  test("who is in can be sent elsewhere, once at a time", () => {
    const wish = { want: "transfer", number: "7000", id: alice().id, address: "bob" };
    expect(now({ state: "connected" }).sendTo?.("bob")).toEqual(wish);
    expect(now({ transfer: { to: "sip:bob@example.org", state: "failed", status: 486 } }).sendTo?.("bob")).toEqual(wish);
    expect(now({ transfer: { to: "sip:bob@example.org", state: "accepted" } }).sendTo?.("bob")).toEqual(wish);
    const none = [now({}, false), now({ state: "ringing" }), now({ transfer: { to: "sip:bob@example.org", state: "accepted", status: 180 } })];
    expect(none.map((one) => one.sendTo)).toEqual([undefined, undefined, undefined]);
  });

  test("a member not called yet can be called by name and role", () => {
    const entry = { key: "bob", member: { address: "bob", name: "Bob", role: "chair" }, participant: undefined } as const;
    expect(leg(entry, "7000", true).call).toEqual({ want: "add", number: "7000", participant: { address: "bob", name: "Bob", role: "chair" } });
  });

  test.each([
    ["queued", "calling"], ["calling", "calling"], ["ringing", "calling"],
    ["connected", "in"], ["on_hold", "in"], ["reconnecting", "in"],
  ] as const)("%s stands as %s", (state, standing) => {
    expect(standingOf({ key: "", member: undefined, participant: alice({ state }) })).toBe(standing);
  });

  test.each([[-127, 0], [-60, 0], [-34, 3], [-10, 5], [0, 5]])("%i dBov is %i bars", (dbov, shown) => {
    expect(bars(dbov)).toBe(shown);
  });
});

test("filter and search leave the rows in their order", () => {
  const { entries, counts, hands } = seen([alice({ hand_raised: true }), bob(ended("busy"))]);
  const keys = (...args: [Parameters<typeof chosen>[1], string]) => chosen(entries, ...args).map((entry) => entry.key);
  expect(counts).toEqual({ in: 1, calling: 0, failed: 1, away: 1 });
  expect(hands).toBe(1);
  expect(keys("all", "")).toEqual(["alice", "bob", "+390255501"]);
  expect(keys("failed", "")).toEqual(["bob"]);
  expect(keys("hands", "")).toEqual(["alice"]);
  expect(keys("all", "  BO")).toEqual(["bob"]);
  expect(keys("in", "bob")).toEqual([]);
});

test("speakers are named, loudest first", () => {
  const talking = [alice({ speaking: true, level_dbov: -30 }), bob({ speaking: true, level_dbov: -12 })];
  expect(seen(talking).speaking).toEqual(["bob", "alice"]);
});
