import { describe, expect, test } from "vitest";
import type { Account } from "../api/types";
import { accountChange, accountDraft, newAccount, withRole } from "./account";
import { canonical, completed, shown } from "./address";
import { commandOf } from "./keys";
import { powersOf } from "./powers";
import { hashOf, readRoute, type Route } from "./route";
import { keyOf } from "./wish";

describe("addresses", () => {
  test.each([
    ["sip:Alice@Example.org;transport=tls", "alice"], ["alice", "alice"], ["<sip:alice@example.org>", "alice"],
    ["sip:alice@other.net", "alice@other.net"], ["tel:+39-02-55", "+390255"], ["+39 (02) 55", "+390255"], ["*45", "*45"],
  ])("%s means %s", (address, means) => expect(canonical(address, "example.org")).toBe(means));

  test.each([
    ["+39 02 55", "tel:+390255"], ["10 01", "1001"], ["bob@example.org", "sip:bob@example.org"], ["bob", "bob"],
    ["sips:bob@example.org", "sips:bob@example.org"], ["  tel:+3902 ", "tel:+3902"],
  ])("%s is completed to %s", (typed, whole) => expect(completed(typed)).toBe(whole));

  test.each([
    ["sip:alice@example.org", "alice"], ["sip:alice@other.net", "alice@other.net"], ["tel:+3902", "+3902"],
  ])("%s is shown as %s", (address, words) => expect(shown(address, "example.org")).toBe(words));
});

describe("the address bar", () => {
  const routes: Route[] = [
    { screen: "conferences" }, { screen: "new-conference" }, { screen: "accounts" }, { screen: "trunks" },
    { screen: "control", number: "7000" }, { screen: "edit", number: "a/b ü" },
  ];
  test.each(routes)("$screen is read as it was written", (route) => expect(readRoute(hashOf(route))).toEqual(route));
  test.each(["", "#", "#/nowhere", "#/conferences/"])("%j is the list", (hash) => expect(readRoute(hash)).toEqual({ screen: "conferences" }));
  test("a broken escape is taken as it stands", () => expect(readRoute("#/conferences/%E0")).toEqual({ screen: "control", number: "%E0" }));
});

test.each([
  ["c", true, "call"], ["C", false, "call-all"], ["c", false, undefined], ["m", true, "mute"], ["m", false, undefined],
  ["h", true, "hang-up"], ["/", false, "search"], ["ArrowDown", true, "next"], ["ArrowUp", false, undefined], ["x", true, undefined],
] as const)("key %s, in a row %s: %s", (key, inRow, command) => {
  expect(commandOf({ key, inRow, modified: false, typing: false })).toBe(command);
  expect(commandOf({ key, inRow, modified: true, typing: false })).toBeUndefined();
  expect(commandOf({ key, inRow, modified: false, typing: true })).toBeUndefined();
});

test("powers are what the server allows", () => {
  const allowed = (reach: "own" | "everything", ...calls: string[]) => ({ allowed: calls.map((call) => ({ call, reach })) });
  expect(powersOf({ allowed: [] })).toEqual({ control: "none", plan: false, seeAccounts: false, accounts: false, seeTrunks: false, trunks: false, allEvents: false });
  expect(powersOf(allowed("own", "POST /conferences/{number}/call-all", "GET /events"))).toMatchObject({ control: "led", allEvents: false });
  expect(powersOf(allowed("everything", "POST /conferences/{number}/call-all", "GET /events", "GET /accounts")))
    .toMatchObject({ control: "all", allEvents: true, seeAccounts: true, accounts: false });
});

describe("accounts", () => {
  const anna: Account = { name: "anna", display_name: "Anna", email: "a@example.org", roles: ["user"], disabled: false, created_at: "" };

  test("a change names only what differs", () => {
    const draft = accountDraft(anna);
    expect(accountChange(anna, draft)).toEqual({});
    expect(accountChange(anna, { ...draft, email: " ", password: "secret" })).toEqual({ email: null, password: "secret" });
    expect(accountChange(anna, withRole(draft, "admin", true))).toEqual({ roles: ["user", "admin"] });
    expect(accountChange(anna, withRole(draft, "user", true))).toEqual({});
    expect(accountChange(anna, { ...draft, disabled: true, displayName: "Anna L." })).toEqual({ disabled: true, display_name: "Anna L." });
  });

  test("a new one is in lower case", () => {
    expect(newAccount({ ...accountDraft(undefined), name: " Anna ", password: "secret" }))
      .toEqual({ name: "anna", display_name: "", email: null, password: "secret", roles: ["user"], disabled: false });
  });
});

test("wishes that may be pending together have different keys", () => {
  const keys = [
    keyOf({ number: "1", want: "call-all" }),
    keyOf({ number: "1", want: "call-all", only: ["failed"] }),
    keyOf({ number: "2", want: "call-all" }),
    keyOf({ number: "1", want: "hang-up", id: "a" }),
    keyOf({ number: "1", want: "change", id: "a", patch: { muted: true } }),
    keyOf({ number: "1", want: "change", id: "a", patch: { hand_raised: false } }),
    keyOf({ number: "1", want: "act", action: "lock" }),
  ];
  expect(new Set(keys).size).toBe(keys.length);
});
