/** Whom the mock server knows. */
import type { Account, Cause, Conference, Member } from "../api/types";

/** How a called address ends up in the mock: in the conference, or with a cause and its SIP status. */
export type Fate = "answers" | readonly [Cause, number];

const names: readonly (readonly [account: string, name: string, fate: Fate])[] = [
  ["1001", "Anna Lindqvist", "answers"],
  ["1002", "Bruno Conti", "answers"],
  ["1003", "Chiara De Santis", "answers"],
  ["1004", "Dmitri Volkov", ["busy", 486]],
  ["1005", "Elena Marchetti", "answers"],
  ["1006", "冯丽华", "answers"],
  ["1007", "Giulia Ferraro-Bentivoglio", ["no_answer", 408]],
  ["1008", "Henrik Sørensen", "answers"],
  ["1009", "Irina Соколова", ["declined", 603]],
  ["1010", "Jonas Weber", "answers"],
  ["1011", "Katarzyna Nowak", ["unreachable", 503]],
  ["1012", "Lorenzo Gallo", "answers"],
];

const outside: readonly (readonly [address: string, name: string, fate: Fate])[] = [
  ["tel:+390255501001", "Marta Riva (mobile)", "answers"],
  ["sip:board-room@rooms.example.net", "Board room, 3rd floor", "answers"],
  ["tel:+442079460018", "Nigel Ashworth", ["not_found", 404]],
];

export const fates: ReadonlyMap<string, Fate> = new Map([...names, ...outside].map(([address, , fate]) => [address, fate]));

export function accounts(): Account[] {
  const created_at = "2026-02-03T08:00:00Z";
  const admin: Account = { name: "admin", display_name: "Administrator", roles: ["admin"], disabled: false, created_at };
  return [
    admin,
    ...names.map(([name, display_name], index): Account => ({
      name,
      display_name,
      roles: index === 1 ? ["operator", "user"] : ["user"],
      disabled: index === 10,
      created_at,
      ...(index % 3 === 0 && { email: `${name}@example.org` }),
    })),
  ];
}

export function conferences(): Conference[] {
  const inside = names.map(([address, name], index): Member => ({ address, name, role: index === 0 ? "chair" : "member" }));
  const guests = outside.map(([address, name]): Member => ({ address, name, role: "member" }));
  return [
    plan("7000", "Weekly operations briefing", [...inside, ...guests], { alias: "briefing" }),
    plan("7001", "Board of directors", [...inside.slice(0, 6), ...guests.slice(0, 2)], { alias: "board", access: "pin", pin: "4711", chair_pin: "8080" }),
    plan("7002", "Civil protection, night shift", inside.slice(2), { access: "members" }),
    plan("7010", "Public hearing", [], { access: "open" }),
    plan("90", "Engineering stand-up", inside.slice(4, 9), {}),
    plan("1200", "", inside.slice(0, 3), {}),
    plan("9000", "All hands", crowd(500), {}),
  ];
}

function crowd(size: number): Member[] {
  return Array.from({ length: size }, (_, index) => ({ address: String(5000 + index), name: `Colleague ${index + 1}`, role: "member" }));
}

function plan(number: string, title: string, members: Member[], more: Partial<Conference>): Conference {
  const at = "2026-02-03T08:00:00Z";
  return { number, title, access: "accounts", members, options: {}, created_at: at, updated_at: at, ...more };
}
