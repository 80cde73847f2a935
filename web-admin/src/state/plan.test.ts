import { describe, expect, test } from "vitest";
import { blank, type Draft, draftOf, faults, isChanged, memberFaults, seat, toChange, toNew, withMember, withMembers, withoutMember } from "./plan";
import { plan } from "./sample";

const draft = (more: Partial<Draft>): Draft => ({ ...blank, ...more });
const found = (more: Partial<Draft>) => [...faults(draft(more), "example.org")];

describe("faults", () => {
  test.each([
    [{}, []],
    [{ number: "7000", alias: "Board" }, []],
    [{ number: "70 00" }, ["number-odd"]],
    [{ number: "-7" }, ["number-odd"]],
    [{ alias: "the board" }, ["alias-odd"]],
    [{ access: "pin" }, ["pin-missing"]],
    [{ access: "pin", pin: "12a4" }, ["pin-odd"]],
    [{ access: "pin", pin: "123" }, ["pin-odd"]],
    [{ access: "pin", pin: "1234", chairPin: "1234" }, ["pins-equal"]],
    [{ chairPin: "12" }, ["chair-pin-odd"]],
    [{ maxParticipants: "0" }, ["limit-odd"]],
    [{ maxParticipants: "1001", ringSeconds: "4" }, ["limit-odd", "ring-odd"]],
    [{ maxParticipants: "1000", ringSeconds: "180" }, []],
    [{ members: [seat({ address: "" })] }, ["members-odd"]],
  ] as [Partial<Draft>, string[]][])("%j: %j", (more, names) => {
    expect(found(more)).toEqual(names);
  });

  test("members without address and those listed twice are named by their row", () => {
    const members = ["alice", "", "sip:alice@example.org", "+39 02 55"].map((address) => seat({ address }));
    expect([...memberFaults(draft({ members }), "example.org")]).toEqual([[1, "empty"], [2, "repeated"]]);
  });
});

test("what is sent is completed and trimmed, what is empty is null", () => {
  const members = [seat({ address: "+39 02 55", name: " Bruno " })];
  expect(toNew(draft({ number: " 7000 ", title: " Board ", alias: "Board", members }))).toEqual({
    number: "7000", title: "Board", alias: "board", access: "accounts", pin: null, chair_pin: null,
    members: [{ address: "tel:+390255", name: "Bruno", role: "member" }],
    options: {
      muted_on_entry: false, announcements: true, music_when_alone: false, tones: false, language: null, max_participants: null,
      ring_seconds: null,
    },
  });
  expect(toNew(blank).number).toBeNull();
});

describe("a change", () => {
  const before = plan("7000", ["alice"], { title: "Board", alias: "board", access: "pin", pin: "4711" });

  test("names only what differs", () => {
    expect(toChange(before, draftOf(before))).toEqual({});
    expect(toChange(before, { ...draftOf(before), title: "Council" })).toEqual({ title: "Council" });
    expect(toChange(before, { ...draftOf(before), alias: "", access: "open", pin: "" })).toEqual({ alias: null, access: "open", pin: null });
  });

  test("of members is the whole list", () => {
    const more = withMembers(draftOf(before), [seat({ address: "bob" })]);
    expect(toChange(before, more).members?.map((member) => member.address)).toEqual(["alice", "bob"]);
    expect(withMember(more, 1, { name: "Bob" }).members[1]).toEqual({ address: "bob", name: "Bob", role: "member" });
    expect(toChange(before, withoutMember(more, 1))).toEqual({});
  });

  test("is seen as one", () => {
    expect(isChanged(before, draftOf(before))).toBe(false);
    expect(isChanged(before, { ...draftOf(before), title: "x" })).toBe(true);
    expect(isChanged(undefined, blank)).toBe(false);
  });
});
