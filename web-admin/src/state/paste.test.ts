import { describe, expect, test } from "vitest";
import type { Role } from "../api/types";
import { addressee, paste } from "./paste";

const ROLES: readonly Role[] = ["owner", "admin", "chair", "member", "participant"];
const read = (text: string, present: { address: string }[] = []) => paste(text, present, ROLES, "example.org");

describe("one line", () => {
  test.each([
    ["sip:alice@example.org", "sip:alice@example.org", "", "member"],
    ["alice@example.org", "sip:alice@example.org", "", "member"],
    ["chiara", "chiara", "", "member"],
    ["1001", "1001", "", "member"],
    ["+39 02 5550 1001", "tel:+390255501001", "", "member"],
    ["Alice Rossi <sip:alice@example.org>", "sip:alice@example.org", "Alice Rossi", "member"],
    ["\"Rossi, Alice\" <alice@example.org>", "sip:alice@example.org", "Rossi, Alice", "member"],
    ["Alice <alice@example.org>, chair", "sip:alice@example.org", "Alice", "chair"],
    ["1001, Bruno Conti, chair", "1001", "Bruno Conti", "chair"],
    ["Bruno Conti; 1001", "1001", "Bruno Conti", "member"],
    ["Bruno Conti\t1001\tparticipant", "1001", "Bruno Conti", "participant"],
    ["王芳，1001", "1001", "王芳", "member"],
    ["1001 Bruno Conti", "1001", "Bruno Conti", "member"],
    ["chiara, Chiara De Santis", "chiara", "Chiara De Santis", "member"],
  ])("%s", (line, address, name, role) => {
    expect(read(line).members).toEqual([{ address, name, role }]);
  });

  test.each(["Bruno Conti", "<>", "Alice <>", "Alice Rossi, Bruno Conti"])("%s has no address", (line) => {
    expect(read(line)).toMatchObject({ members: [], unread: [{ line: 1, text: line }] });
  });
});

test("blank lines and remarks are skipped, faults named by their line", () => {
  const { members, unread } = read("# board\r\n\r\nalice\r\nno address here\r\nbob\r\n");
  expect(members.map((member) => member.address)).toEqual(["alice", "bob"]);
  expect(unread).toEqual([{ line: 4, text: "no address here" }]);
});

test("nobody is added twice, however he is written", () => {
  const { members, repeated } = read("sip:alice@example.org\nALICE\n+39 02 55\ntel:+390255", [{ address: "alice" }]);
  expect(members.map((member) => member.address)).toEqual(["tel:+390255"]);
  expect(repeated).toBe(3);
});

test("the call field takes the same forms, and leaves the rest for the server to judge", () => {
  expect(addressee("  ", ROLES)).toBeUndefined();
  expect(addressee("Alice <alice@example.org>", ROLES)).toEqual({ address: "sip:alice@example.org", name: "Alice" });
  expect(addressee("two words", ROLES)).toEqual({ address: "two words" });
});
