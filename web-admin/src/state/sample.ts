/** Participants, rosters and plans for tests: as plain as they come, with what matters said. */
import type { Conference, Participant, Roster } from "../api/types";

export function participant(id: string, more: Partial<Participant> = {}): Participant {
  return {
    id, name: id, address: `sip:${id}@example.org`, role: "member", state: "connected", direction: "dialed_out", door: "sip",
    muted: false, deafened: false, video_muted: false, may_speak: true, hand_raised: false, speaking: false,
    level_dbov: -127, spoke_seconds: 0, gain_db: 0, secured: false, ...more,
  };
}

export function roster(number: string, participants: Participant[], more: Partial<Roster> = {}): Roster {
  return { number, title: "", version: 1, locked: false, started_at: "2026-01-01T10:00:00Z", participants, ...more };
}

export function plan(number: string, addresses: string[], more: Partial<Conference> = {}): Conference {
  const at = "2026-01-01T09:00:00Z";
  const members = addresses.map((address) => ({ address, name: address, role: "member" as const }));
  return { number, title: "", access: "accounts", members, options: {}, created_at: at, updated_at: at, ...more };
}
