/** The running conferences of the mock: calls that ring, answer or fail by themselves, and people who talk. */
import type { AddParticipant, Cause, Numbered, Participant, Roster } from "../api/types";
import { fates } from "./people";

type Event = Numbered extends infer One ? (One extends { seq: number } ? Omit<One, "seq"> : never) : never;

export const rooms = new Map<string, Roster>();
const listeners = new Set<(event: Numbered) => void>();
const past: Numbered[] = [];
let seq = 100;
let lastId = 0;

export function listen(told: (event: Numbered) => void, after: number | undefined): () => void {
  const missed = past.filter((event) => after !== undefined && event.seq > after);
  if (after === undefined) told({ seq, type: "snapshot", conferences: [...rooms.values()] });
  for (const event of missed) told(event);
  listeners.add(told);
  return () => listeners.delete(told);
}

function tell(event: Event): void {
  seq += 1;
  const numbered = { ...event, seq } as Numbered;
  past.push(numbered);
  past.splice(0, past.length - 500);
  for (const told of listeners) told(numbered);
}

export function open(number: string, title: string): Roster {
  const known = rooms.get(number);
  if (known) return known;
  const roster: Roster = { number, title, version: 1, locked: false, started_at: new Date().toISOString(), participants: [] };
  rooms.set(number, roster);
  tell({ type: "conference", conference: number, title, version: 1, locked: false });
  return roster;
}

export function lock(roster: Roster, locked: boolean): void {
  roster.locked = locked;
  roster.version += 1;
  tell({ type: "conference", conference: roster.number, title: roster.title, version: roster.version, locked });
}

export function close(number: string): void {
  rooms.delete(number);
  tell({ type: "ended", conference: number });
}

export function change(roster: Roster, id: string, patch: Partial<Participant>): Participant | undefined {
  const before = roster.participants.find((one) => one.id === id);
  if (before === undefined || !rooms.has(roster.number)) return undefined;
  const participant = { ...before, ...patch };
  roster.version += 1;
  roster.participants = roster.participants.map((one) => (one.id === id ? participant : one));
  tell({ type: "participant", conference: roster.number, version: roster.version, participant });
  return participant;
}

export function end(roster: Roster, id: string, cause: Cause, status?: number): void {
  change(roster, id, { state: "disconnected", cause, speaking: false, ...(status && { status }) });
}

/** Calls an address: it rings, then does what its fate is. Returns the participant's id. */
export function call(roster: Roster, who: AddParticipant): string {
  const again = roster.participants.find((one) => one.address === who.address);
  const id = again?.id ?? `p${(lastId += 1)}`;
  const participant: Participant = {
    id, name: who.name ?? "", address: who.address, role: who.role ?? "participant", state: "queued",
    direction: "dialed_out", door: who.address.startsWith("tel:") ? "trunk" : "sip", muted: false, deafened: false,
    video_muted: false, may_speak: true, hand_raised: false, speaking: false, level_dbov: -127, spoke_seconds: 0, gain_db: 0, secured: false,
  };
  roster.participants = [...roster.participants.filter((one) => one.id !== id), participant];
  change(roster, id, {});
  const later = (seconds: number, what: () => void) => setTimeout(what, seconds * 1000 * (0.6 + Math.random() * 0.8));
  const when = (state: Participant["state"], what: () => void) => () =>
    roster.participants.find((one) => one.id === id)?.state === state && what();
  later(0.3, when("queued", () => change(roster, id, { state: "calling" })));
  later(1.2, when("calling", () => change(roster, id, { state: "ringing" })));
  later(5, when("ringing", () => {
    const fate = fates.get(who.address) ?? "answers";
    if (fate === "answers") answer(roster, id);
    else end(roster, id, fate[0], fate[1]);
  }));
  return id;
}

export function answer(roster: Roster, id: string): void {
  const trunk = roster.participants.find((one) => one.id === id)?.door === "trunk";
  change(roster, id, { state: "connected", joined_at: new Date().toISOString(), codec: trunk ? "pcma" : "opus", secured: !trunk });
}

/** People take turns: the loudest two or three of each room, told a few times a second. */
export function talk(): void {
  for (const roster of rooms.values()) {
    const able = roster.participants.filter((one) => one.state === "connected" && !one.muted);
    const turn = Math.floor(Date.now() / 4000);
    const speakers = able
      .filter((_, index) => index === turn % able.length || index === (turn * 7 + 3) % (able.length * 3))
      .map((one) => ({ id: one.id, level_dbov: Math.round(-34 + Math.random() * 22) }))
      .sort((a, b) => b.level_dbov - a.level_dbov);
    tell({ type: "speakers", conference: roster.number, speakers });
  }
}
