/** The form of one stored conference: what is typed, what is wrong with it, and what to send. */
import type { Access, AddParticipant, Conference, ConferenceChange, Member, NewConference } from "../api/types";
import { canonical, completed } from "./address";

export interface Draft {
  readonly number: string;
  readonly alias: string;
  readonly title: string;
  readonly access: Access;
  readonly pin: string;
  readonly chairPin: string;
  readonly members: readonly Member[];
  readonly mutedOnEntry: boolean;
  readonly announcements: boolean;
  readonly musicWhenAlone: boolean;
  readonly tones: boolean;
  /** Empty: the server's. */
  readonly language: SpokenLanguage | "";
  readonly maxParticipants: string;
  readonly ringSeconds: string;
}

/** What callers by telephone are spoken to in. */
export type SpokenLanguage = "en" | "it" | "ru" | "zh";

export type Fault =
  | "number-odd"
  | "alias-odd"
  | "pin-missing"
  | "pin-odd"
  | "chair-pin-odd"
  | "pins-equal"
  | "members-odd"
  | "limit-odd"
  | "ring-odd";

export const blank: Draft = {
  number: "", alias: "", title: "", access: "accounts", pin: "", chairPin: "", members: [],
  mutedOnEntry: false, announcements: true, musicWhenAlone: false, tones: false, language: "", maxParticipants: "", ringSeconds: "",
};

export function draftOf(plan: Conference): Draft {
  return {
    number: plan.number,
    alias: plan.alias ?? "",
    title: plan.title,
    access: plan.access,
    pin: plan.pin ?? "",
    chairPin: plan.chair_pin ?? "",
    members: plan.members,
    mutedOnEntry: plan.options.muted_on_entry ?? false,
    announcements: plan.options.announcements ?? true,
    musicWhenAlone: plan.options.music_when_alone ?? false,
    tones: plan.options.tones ?? false,
    language: (plan.options.language ?? "") as SpokenLanguage | "",
    maxParticipants: plan.options.max_participants?.toString() ?? "",
    ringSeconds: plan.options.ring_seconds?.toString() ?? "",
  };
}

/** Everything wrong at once. The server has the last word. */
export function faults(draft: Draft, domain: string): ReadonlySet<Fault> {
  const found = new Set<Fault>();
  if (!isUserPart(draft.number, 32)) found.add("number-odd");
  if (!isUserPart(draft.alias, 64)) found.add("alias-odd");
  if (draft.access === "pin" && draft.pin === "") found.add("pin-missing");
  if (!isPin(draft.pin)) found.add("pin-odd");
  if (!isPin(draft.chairPin)) found.add("chair-pin-odd");
  if (draft.pin !== "" && draft.pin === draft.chairPin) found.add("pins-equal");
  if (memberFaults(draft, domain).size > 0) found.add("members-odd");
  if (!isWithin(draft.maxParticipants, 1, 1000)) found.add("limit-odd");
  if (!isWithin(draft.ringSeconds, 5, 180)) found.add("ring-odd");
  return found;
}

// Each of these may be left empty.

function isUserPart(text: string, longest: number): boolean {
  const user = text.trim().toLowerCase();
  return user === "" || (user.length <= longest && /^[a-z0-9][a-z0-9._-]*$/.test(user));
}

function isPin(text: string): boolean {
  return text === "" || /^\d{4,16}$/.test(text);
}

function isWithin(text: string, least: number, most: number): boolean {
  return text === "" || (/^\d+$/.test(text) && Number(text) >= least && Number(text) <= most);
}

/** Which rows cannot be called, or are there twice. */
export function memberFaults(draft: Draft, domain: string): ReadonlyMap<number, "empty" | "repeated"> {
  const found = new Map<number, "empty" | "repeated">();
  const seen = new Set<string>();
  for (const [index, member] of draft.members.entries()) {
    const key = canonical(member.address, domain);
    if (key === "" || /\s/.test(completed(member.address))) found.set(index, "empty");
    else if (seen.has(key)) found.set(index, "repeated");
    seen.add(key);
  }
  return found;
}

export function withMember(draft: Draft, index: number, change: Partial<Member>): Draft {
  return { ...draft, members: draft.members.map((one, at) => (at === index ? { ...one, ...change } : one)) };
}

export function withoutMember(draft: Draft, index: number): Draft {
  return { ...draft, members: draft.members.filter((_, at) => at !== index) };
}

export function withMembers(draft: Draft, more: readonly Member[]): Draft {
  return { ...draft, members: [...draft.members, ...more] };
}

/** What was said of somebody, the rest as the server would have it. */
export function seat({ address, name, role }: AddParticipant): Member {
  return { address, name: name ?? "", role: role ?? "member" };
}

export function toNew(draft: Draft): NewConference {
  return { number: draft.number.trim().toLowerCase() || null, ...rest(draft) };
}

/** Only what differs; an emptied field becomes `null`. */
export function toChange(before: Conference, draft: Draft): ConferenceChange {
  const old: Record<string, unknown> = rest(draftOf(before));
  const changed = Object.entries(rest(draft)).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(old[name]),
  );
  return Object.fromEntries(changed);
}

export function isChanged(before: Conference | undefined, draft: Draft): boolean {
  return JSON.stringify(draft) !== JSON.stringify(before === undefined ? blank : draftOf(before));
}

function rest(draft: Draft) {
  return {
    title: draft.title.trim(),
    alias: draft.alias.trim().toLowerCase() || null,
    access: draft.access,
    pin: draft.pin || null,
    chair_pin: draft.chairPin || null,
    members: draft.members.map((one) => ({ ...one, address: completed(one.address), name: one.name.trim() })),
    options: {
      muted_on_entry: draft.mutedOnEntry,
      announcements: draft.announcements,
      music_when_alone: draft.musicWhenAlone,
      tones: draft.tones,
      language: draft.language || null,
      max_participants: draft.maxParticipants === "" ? null : Number(draft.maxParticipants),
      ring_seconds: draft.ringSeconds === "" ? null : Number(draft.ringSeconds),
    },
  };
}
