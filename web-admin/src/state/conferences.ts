/** The list of conferences: what is stored, joined with what is running. */
import type { Conference, Roster } from "../api/types";
import { merge, count } from "./room";
import { mayControl, type Powers } from "./powers";
import type { Wish } from "./wish";

export interface ConferenceRow {
  readonly number: string;
  readonly alias: string | undefined;
  readonly title: string;
  readonly access: Conference["access"] | undefined;
  readonly members: number;
  readonly running: boolean;
  readonly locked: boolean;
  readonly startedAt: string | undefined;
  readonly present: number;
  readonly calling: number;
  /** Offered for a conference with members of which none is in or called. */
  readonly callAll: Wish | undefined;
  readonly editable: boolean;
}

export type Shown = "all" | "running" | "idle";

export interface ConferenceList {
  readonly rows: readonly ConferenceRow[];
  readonly total: number;
  readonly running: number;
}

/** Who looks at the list. */
export interface Me {
  readonly account: string;
  readonly powers: Powers;
  readonly domain: string;
}

/** Running ones first, then by number as a person counts: 90 before 700. */
export function conferenceList(
  stored: readonly Conference[],
  rooms: ReadonlyMap<string, Roster>,
  shown: Shown,
  search: string,
  me: Me,
): ConferenceList {
  const numbers = new Set(stored.map((plan) => plan.number));
  const adHoc = [...rooms.values()].filter((roster) => !numbers.has(roster.number)).map(adHocRow);
  const all = [...stored.map((plan) => row(plan, rooms.get(plan.number), me)), ...adHoc];
  const wanted = search.trim().toLowerCase();
  const rows = all
    .filter((one) => shown === "all" || one.running === (shown === "running"))
    .filter((one) => `${one.number} ${one.alias ?? ""} ${one.title}`.toLowerCase().includes(wanted))
    .sort((a, b) => Number(b.running) - Number(a.running) || a.number.localeCompare(b.number, "en", { numeric: true }));
  return { rows, total: all.length, running: all.filter((one) => one.running).length };
}

function row(plan: Conference, roster: Roster | undefined, { powers, account, domain }: Me): ConferenceRow {
  const counts = count(merge(plan, roster, domain));
  const idle = counts.in + counts.calling === 0;
  return {
    number: plan.number,
    alias: plan.alias ?? undefined,
    title: roster?.title || plan.title,
    access: plan.access,
    members: plan.members.length,
    running: roster !== undefined,
    locked: roster?.locked ?? false,
    startedAt: roster?.started_at,
    present: counts.in,
    calling: counts.calling,
    callAll: mayControl(powers, account, plan, domain) && idle && plan.members.length > 0 ? { want: "call-all", number: plan.number } : undefined,
    editable: powers.plan,
  };
}

function adHocRow(roster: Roster): ConferenceRow {
  const counts = count(roster.participants.map((participant) => ({ key: participant.id, member: undefined, participant })));
  return {
    number: roster.number,
    alias: undefined,
    title: roster.title,
    access: undefined,
    members: 0,
    running: true,
    locked: roster.locked,
    startedAt: roster.started_at,
    present: counts.in,
    calling: counts.calling,
    callAll: undefined,
    editable: false,
  };
}
