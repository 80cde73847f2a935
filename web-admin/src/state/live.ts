/**
 * Every running conference as the server last told it: snapshot + numbered event → snapshot.
 *
 * A sequence number already seen is ignored. One left out means that something was missed and the whole has to be asked
 * for again, unless the account sees only some conferences: then the rest is left out on purpose. A snapshot is always
 * believed.
 */
import type { Numbered, Participant, Roster } from "../api/types";

export interface Live {
  /** The number of the last event applied; `undefined` before the first. */
  readonly seq: number | undefined;
  /** By conference number. */
  readonly rooms: ReadonlyMap<string, Roster>;
}

export type Applied =
  | { readonly kind: "applied"; readonly live: Live }
  | { readonly kind: "repeated" }
  | { readonly kind: "gap"; readonly expected: number; readonly got: number };

export const nothingKnown: Live = { seq: undefined, rooms: new Map() };

/** `sees`: whether the events of all conferences come. */
export function apply(live: Live, event: Numbered, sees: "all" | "some"): Applied {
  if (event.type !== "snapshot") {
    if (live.seq === undefined) return { kind: "gap", expected: 0, got: event.seq };
    if (event.seq <= live.seq) return { kind: "repeated" };
    if (sees === "all" && event.seq > live.seq + 1) return { kind: "gap", expected: live.seq + 1, got: event.seq };
  }
  return { kind: "applied", live: { seq: event.seq, rooms: rooms(live.rooms, event) } };
}

function rooms(before: Live["rooms"], event: Numbered): Live["rooms"] {
  if (event.type === "snapshot") return new Map(event.conferences.map((roster) => [roster.number, roster]));
  const after = new Map(before);
  if (event.type === "ended") after.delete(event.conference);
  else after.set(event.conference, reduce(before.get(event.conference), event));
  return after;
}

type RosterEvent = Exclude<Numbered, { type: "snapshot" } | { type: "ended" }>;

/** Applies one event to the roster it is about. A roster not seen yet begins empty: its participants follow. */
export function reduce(before: Roster | undefined, event: RosterEvent): Roster {
  const roster = before ?? emptyRoster(event.conference);
  switch (event.type) {
    case "conference":
      return { ...roster, title: event.title, version: event.version, locked: event.locked };
    case "participant":
      return { ...roster, version: event.version, participants: put(roster.participants, event.participant) };
    case "removed":
      return {
        ...roster,
        version: event.version,
        participants: roster.participants.filter((participant) => participant.id !== event.id),
      };
    case "speakers": {
      const levels = new Map(event.speakers.map((speaker) => [speaker.id, speaker.level_dbov]));
      return { ...roster, participants: roster.participants.map((one) => heard(one, levels.get(one.id))) };
    }
  }
}

/** The lowest level that RFC 6464 can say. */
const SILENCE_DBOV = -127;

/** Whoever did not change stays the same object, so that their row is not drawn again. */
function heard(participant: Participant, levelDbov: number | undefined): Participant {
  const speaking = levelDbov !== undefined;
  const level_dbov = levelDbov ?? SILENCE_DBOV;
  const same = participant.speaking === speaking && participant.level_dbov === level_dbov;
  return same ? participant : { ...participant, speaking, level_dbov };
}

/** In place when known, so that rows keep their order; else at the end. */
function put(participants: readonly Participant[], participant: Participant): Participant[] {
  const known = participants.some((one) => one.id === participant.id);
  return known
    ? participants.map((one) => (one.id === participant.id ? participant : one))
    : [...participants, participant];
}

function emptyRoster(number: string): Roster {
  return { number, title: "", version: 0, locked: false, started_at: new Date().toISOString(), participants: [] };
}
