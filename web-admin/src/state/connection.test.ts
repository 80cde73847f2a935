import { describe, expect, test } from "vitest";
import { closed, type Connection, due, off, opened, standing, start } from "./connection";

describe("waiting grows and is bounded", () => {
  test.each([
    [1, 250, 500], [2, 500, 1000], [3, 1000, 2000], [6, 7500, 15_000], [20, 7500, 15_000],
  ])("attempt %i waits %i to %i ms", (attempt, least, most) => {
    const before: Connection = { at: "connecting", attempt: attempt - 1 };
    expect(closed(before, 0, 0)).toEqual({ at: "waiting", attempt, retryAt: least });
    expect(closed(before, 0, 1)).toEqual({ at: "waiting", attempt, retryAt: most });
  });
});

test("a connection that held starts over, one that broke at once does not", () => {
  const open: Connection = { at: "open", attempt: 5, since: 0 };
  expect(closed(open, 10_000, 1)).toMatchObject({ attempt: 1 });
  expect(closed(open, 9_999, 1)).toMatchObject({ attempt: 6 });
});

test("it tries again when due, or at once in a hurry", () => {
  const waiting: Connection = { at: "waiting", attempt: 2, retryAt: 1000 };
  expect(due(waiting, 999)).toBe(waiting);
  expect(due(waiting, 1000)).toEqual({ at: "connecting", attempt: 2 });
  expect(due(waiting, 0, true)).toEqual({ at: "connecting", attempt: 2 });
});

test.each([
  ["off", off, "off"],
  ["first try", start(), "connecting"],
  ["open", opened(start(), 0), "live"],
  ["waiting", closed(opened(start(), 0), 1, 0), "reconnecting"],
  ["trying again", due(closed(start(), 0, 0), 999), "reconnecting"],
] as const)("%s is told as %s", (_, connection, told) => {
  expect(standing(connection)).toBe(told);
});

test("closing twice, or after it was switched off, changes nothing", () => {
  const waiting = closed(start(), 0, 0);
  expect(closed(waiting, 5, 0)).toBe(waiting);
  expect(closed(off, 5, 0)).toBe(off);
});
