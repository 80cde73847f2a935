/**
 * Members from pasted text, one a line, in the ways that lists of people come:
 *
 * ```text
 *   Alice Rossi <sip:alice@example.org>      as mail programs copy it
 *   1001, Bruno Conti, chair                 comma, semicolon or tab; any order
 *   1001 Bruno Conti                         address first, then the name
 *   +39 02 5550 1001                         a number alone
 *   chiara                                   an account of this server
 * ```
 */
import type { AddParticipant, Member, Role } from "../api/types";
import { canonical, completed, isAddress } from "./address";
import { seat } from "./plan";

export interface Pasted {
  readonly members: readonly Member[];
  /** Lines that say nothing callable, counted from 1. */
  readonly unread: readonly { readonly line: number; readonly text: string }[];
  /** How many lines named somebody who was there already. */
  readonly repeated: number;
}

export function paste(text: string, present: readonly Pick<Member, "address">[], roles: readonly Role[], domain: string): Pasted {
  const seen = new Set(present.map(({ address }) => canonical(address, domain)));
  const members: Member[] = [];
  const unread: { line: number; text: string }[] = [];
  let repeated = 0;
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const read = readLine(line, roles);
    if (read === undefined) unread.push({ line: index + 1, text: line });
    else if (seen.has(canonical(read.address, domain))) repeated += 1;
    else {
      seen.add(canonical(read.address, domain));
      members.push(seat(read));
    }
  }
  return { members, unread, repeated };
}

/** One person from one line; what cannot be read is left to the server to judge. */
export function addressee(text: string, roles: readonly Role[]): AddParticipant | undefined {
  const line = text.trim();
  return line === "" ? undefined : (readLine(line, roles) ?? { address: line });
}

function readLine(line: string, roles: readonly Role[]): AddParticipant | undefined {
  const angled = /^(?<name>[^<>]*)<(?<address>[^<>\s]+)>(?<rest>[^<>]*)$/.exec(line)?.groups;
  if (angled) {
    const role = fields(angled["rest"] ?? "").map((field) => roleOf(field, roles)).find((found) => found !== undefined);
    return member(angled["address"] ?? "", angled["name"] ?? "", role);
  }
  const parts = fields(line);
  return parts.length > 1 ? readFields(parts, roles) : readWords(line);
}

/** Role by its name; the address is what looks like one, else the first single word; the rest is the name. */
function readFields(parts: readonly string[], roles: readonly Role[]): AddParticipant | undefined {
  const rolePart = parts.findIndex((part, index) => index > 0 && roleOf(part, roles) !== undefined);
  const others = parts.filter((_, index) => index !== rolePart);
  const address = others.find(isAddress) ?? others.find((part) => !/\s/.test(part));
  if (address === undefined) return undefined;
  const name = others.filter((part) => part !== address).join(" ");
  return member(address, name, rolePart < 0 ? undefined : roleOf(parts[rolePart] ?? "", roles));
}

function readWords(line: string): AddParticipant | undefined {
  if (isAddress(line) || !/\s/.test(line)) return member(line, "", undefined);
  const [first = "", ...rest] = line.split(/\s+/);
  return isAddress(first) ? member(first, rest.join(" "), undefined) : undefined;
}

function member(address: string, name: string, role: Role | undefined): AddParticipant | undefined {
  if (address.trim() === "" || /[<>"]/.test(address)) return undefined;
  const said = unquoted(name);
  return { address: completed(address), ...(said && { name: said }), ...(role && { role }) };
}

function fields(text: string): string[] {
  return text.split(/[,;\t，；]/).map(unquoted).filter((part) => part !== "");
}

function roleOf(text: string, roles: readonly Role[]): Role | undefined {
  return roles.find((role) => role === text.toLowerCase());
}

function unquoted(text: string): string {
  return text.trim().replace(/^"(.*)"$/, "$1").trim();
}
