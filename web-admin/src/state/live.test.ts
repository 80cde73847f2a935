import { describe, expect, test } from "vitest";
import type { Numbered } from "../api/types";
import { apply, type Live, nothingKnown, reduce } from "./live";
import { participant, roster } from "./sample";

const snapshot = (seq: number): Numbered => ({ seq, type: "snapshot", conferences: [roster("7000", [participant("a")])] });
const lock = (seq: number): Numbered => ({ seq, type: "conference", conference: "7000", title: "Board", version: 2, locked: true });

function played(...events: Numbered[]): Live {
  return events.reduce((live, event) => {
    const outcome = apply(live, event, "all");
    if (outcome.kind !== "applied") throw new Error(outcome.kind);
    return outcome.live;
  }, nothingKnown);
}

describe("sequence numbers", () => {
  const at10 = played(snapshot(10));
  test.each([
    ["the next one is applied", at10, lock(11), "all", "applied"],
    ["a repeated one is ignored", at10, lock(10), "all", "repeated"],
    ["an old one is ignored", at10, lock(3), "all", "repeated"],
    ["one left out is a gap", at10, lock(12), "all", "gap"],
    ["one left out is nothing to who sees only some", at10, lock(15), "some", "applied"],
    ["a delta before any snapshot is a gap", nothingKnown, lock(11), "all", "gap"],
    ["a snapshot is believed even from the past: the server began anew", at10, snapshot(1), "all", "applied"],
  ] as const)("%s", (_, live, event, sees, kind) => {
    expect(apply(live, event, sees).kind).toBe(kind);
  });

  test("a gap names what was expected", () => {
    expect(apply(at10, lock(14), "all")).toEqual({ kind: "gap", expected: 11, got: 14 });
  });
});

describe("events", () => {
  test("a snapshot replaces everything", () => {
    const live = played(snapshot(1), { seq: 2, type: "snapshot", conferences: [roster("90", [])] });
    expect([...live.rooms.keys()]).toEqual(["90"]);
  });

  test("a conference changes without touching who is in it", () => {
    const room = played(snapshot(1), lock(2)).rooms.get("7000");
    expect(room).toMatchObject({ title: "Board", locked: true, version: 2 });
    expect(room?.participants.map((one) => one.id)).toEqual(["a"]);
  });

  test("a conference that starts is there, one that ends is gone", () => {
    const begun = played(snapshot(1), { seq: 2, type: "conference", conference: "90", title: "", version: 1, locked: false });
    expect([...begun.rooms.keys()]).toEqual(["7000", "90"]);
    const over = apply(begun, { seq: 3, type: "ended", conference: "7000" }, "all");
    expect(over.kind === "applied" && [...over.live.rooms.keys()]).toEqual(["90"]);
  });

  test("a participant may come before the conference is known", () => {
    const event = { seq: 2, type: "participant", conference: "90", version: 1, participant: participant("x") } as const;
    expect(played(snapshot(1), event).rooms.get("90")?.participants).toHaveLength(1);
  });
});

describe("a roster", () => {
  const before = roster("7000", [participant("a"), participant("b"), participant("c")]);
  const ids = (next: typeof before) => next.participants.map((one) => one.id);

  test("keeps the order when somebody changes", () => {
    const next = reduce(before, { seq: 1, type: "participant", conference: "7000", version: 2, participant: participant("b", { muted: true }) });
    expect(ids(next)).toEqual(["a", "b", "c"]);
    expect(next.participants[1]?.muted).toBe(true);
  });

  test("adds a newcomer at the end and loses who is removed", () => {
    const more = reduce(before, { seq: 1, type: "participant", conference: "7000", version: 2, participant: participant("d") });
    expect(ids(more)).toEqual(["a", "b", "c", "d"]);
    expect(ids(reduce(more, { seq: 2, type: "removed", conference: "7000", version: 3, id: "b" }))).toEqual(["a", "c", "d"]);
  });

  test("marks who speaks and silences everybody else, leaving the others the same objects", () => {
    const talking = reduce(before, { seq: 1, type: "speakers", conference: "7000", speakers: [{ id: "b", level_dbov: -20 }] });
    expect(talking.participants.map((one) => [one.speaking, one.level_dbov])).toEqual([[false, -127], [true, -20], [false, -127]]);
    expect(talking.participants[0]).toBe(before.participants[0]);
    const silent = reduce(talking, { seq: 2, type: "speakers", conference: "7000", speakers: [] });
    expect(silent.participants[1]).toMatchObject({ speaking: false, level_dbov: -127 });
  });
});
