/** The control screen of one conference: its stored members and its running roster in one picture. */
import type { Conference, Roster } from "../api/types";
import { canonical } from "./address";
import { type Entry, type Standing, standingOf } from "./leg";
import type { Wish } from "./wish";

export type Counts = Readonly<Record<Standing, number>>;

export interface Room {
  readonly number: string;
  readonly title: string;
  readonly running: boolean;
  readonly locked: boolean;
  readonly startedAt: string | undefined;
  readonly entries: readonly Entry[];
  readonly counts: Counts;
  /** Names of who speaks now, loudest first. */
  readonly speaking: readonly string[];
  readonly members: number;
  /** How many would be called: members, not guests who dialled in and left. */
  readonly missing: number;
  readonly failedMembers: number;
  readonly hands: number;
  // What may be asked for now; `undefined` is not offered.
  readonly callAll: Wish | undefined;
  /** As `callAll`, when somebody is in or on the way already. */
  readonly callRest: Wish | undefined;
  readonly callFailed: Wish | undefined;
  readonly muteAll: Wish | undefined;
  readonly unmuteAll: Wish | undefined;
  readonly lock: Wish | undefined;
  readonly unlock: Wish | undefined;
  readonly end: Wish | undefined;
  readonly mayControl: boolean;
}

export function room(plan: Conference, roster: Roster | undefined, mayControl: boolean, domain: string): Room {
  const number = plan.number;
  const entries = merge(plan, roster, domain);
  const counts = count(entries);
  const members = entries.filter((entry) => entry.member !== undefined);
  const waiting = members.filter((entry) => ["away", "failed"].includes(standingOf(entry)));
  const failed = members.filter((entry) => standingOf(entry) === "failed");
  const present = entries.flatMap(({ participant }) => (participant?.state === "connected" ? [participant] : []));

  const offered = (when: boolean, wish: Wish): Wish | undefined => (when && mayControl ? wish : undefined);
  const act = (when: boolean, action: (Wish & { want: "act" })["action"]) =>
    offered(when && roster !== undefined, { want: "act", number, action });
  const begun = counts.in + counts.calling > 0;
  const call: Wish = { want: "call-all", number };
  return {
    number,
    title: roster?.title || plan.title,
    running: roster !== undefined,
    locked: roster?.locked ?? false,
    startedAt: roster?.started_at,
    entries,
    counts,
    speaking: [...present]
      .filter((one) => one.speaking)
      .sort((a, b) => b.level_dbov - a.level_dbov)
      .map((one) => one.name || one.address),
    members: members.length,
    missing: waiting.length,
    failedMembers: failed.length,
    hands: entries.filter(hasHandRaised).length,
    callAll: offered(waiting.length > 0 && !begun, call),
    callRest: offered(waiting.length > 0 && begun, call),
    callFailed: offered(failed.length > 0 && failed.length < waiting.length, { ...call, only: ["failed"] }),
    muteAll: act(present.some((one) => !one.muted), "mute-all"),
    unmuteAll: act(present.some((one) => one.muted), "unmute-all"),
    lock: act(roster?.locked === false, "lock"),
    unlock: act(roster?.locked === true, "unlock"),
    end: act(true, "end"),
    mayControl,
  };
}

/** Members in the order of the plan, each with their latest leg; then everybody else in the order they came. */
export function merge(plan: Conference, roster: Roster | undefined, domain: string): Entry[] {
  const latest = new Map<string, Entry>();
  for (const member of plan.members) {
    const key = canonical(member.address, domain);
    if (!latest.has(key)) latest.set(key, { key, member, participant: undefined });
  }
  const more: Entry[] = [];
  for (const participant of roster?.participants ?? []) {
    const key = canonical(participant.address, domain);
    const known = latest.get(key);
    if (known === undefined || (known.participant && known.participant.state !== "disconnected")) {
      // Nobody listed, or a second leg of somebody who is in already: a row of its own.
      const entry = { key: known === undefined ? key : participant.id, member: undefined, participant };
      if (known === undefined) latest.set(key, entry);
      else more.push(entry);
    } else {
      latest.set(key, { ...known, participant });
    }
  }
  return [...latest.values(), ...more];
}

export function count(entries: readonly Entry[]): Counts {
  const counts = { in: 0, calling: 0, failed: 0, away: 0 };
  for (const entry of entries) counts[standingOf(entry)] += 1;
  return counts;
}

export type Filter = "all" | Standing | "hands";

/** The rows that a filter and a search leave, in their order. */
export function chosen(entries: readonly Entry[], filter: Filter, search: string): Entry[] {
  const wanted = search.trim().toLowerCase();
  return entries.filter((entry) => {
    const { member, participant } = entry;
    const fits = filter === "all" || (filter === "hands" ? hasHandRaised(entry) : standingOf(entry) === filter);
    const text = [participant?.name, member?.name, participant?.address, member?.address].join(" ").toLowerCase();
    return fits && text.includes(wanted);
  });
}

function hasHandRaised(entry: Entry): boolean {
  return entry.participant?.hand_raised === true && standingOf(entry) === "in";
}

/** A running conference that nobody stored: its plan is as good as empty. */
export function planOf(roster: Roster): Conference {
  const at = roster.started_at;
  return {
    number: roster.number, title: roster.title, access: "accounts", members: [], options: {},
    created_at: at, updated_at: at,
  };
}
