/** One row of the control screen: a member who is not called yet, a participant, or both in one. */
import type {
  AddParticipant, Cause, Door, Member, Participant, ParticipantPatch, ParticipantState, Role, Transfer,
} from "../api/types";
import type { Wish } from "./wish";

/** Where a row stands, coarsely: what the counts and filters go by. */
export type Standing = "in" | "calling" | "failed" | "away";

export interface Entry {
  /** Stays the same while a member turns into a participant. */
  readonly key: string;
  readonly member: Member | undefined;
  readonly participant: Participant | undefined;
}

export interface Leg {
  readonly id: string | undefined;
  readonly name: string;
  readonly address: string;
  readonly role: Role;
  readonly state: ParticipantState | "absent";
  readonly standing: Standing;
  readonly cause: Cause | undefined;
  /** The SIP status behind the cause. */
  readonly status: number | undefined;
  readonly muted: boolean;
  readonly handRaised: boolean;
  readonly speaking: boolean;
  /** How loud, in bars: 0 to 5. */
  readonly bars: number;
  readonly joinedAt: string | undefined;
  readonly codec: string | undefined;
  readonly secured: boolean;
  readonly door: Door | undefined;
  readonly dialedIn: boolean;
  /** How it goes, or went, to send it elsewhere. */
  readonly transfer: Transfer | undefined;
  // What may be asked for now; `undefined` is not offered.
  readonly mute: Wish | undefined;
  readonly unmute: Wish | undefined;
  readonly lowerHand: Wish | undefined;
  readonly hangUp: Wish | undefined;
  readonly call: Wish | undefined;
  /** Sends it to this address. */
  readonly sendTo: ((address: string) => Wish) | undefined;
}

export function leg(entry: Entry, number: string, mayControl: boolean): Leg {
  const { member, participant } = entry;
  const state = participant?.state ?? "absent";
  const standing = standingOf(entry);
  const address = participant?.address ?? member?.address ?? "";
  const name = participant?.name || member?.name || "";
  const role = participant?.role ?? member?.role ?? "participant";

  const present = standing === "in" && participant !== undefined && mayControl ? participant : undefined;
  const ongoing = participant !== undefined && state !== "disconnected" && mayControl ? participant : undefined;
  const change = (id: string, patch: ParticipantPatch): Wish => ({ want: "change", number, id, patch });
  return {
    id: participant?.id,
    name,
    address,
    role,
    state,
    standing,
    cause: participant?.cause ?? undefined,
    status: participant?.status ?? undefined,
    muted: participant?.muted ?? false,
    handRaised: standing === "in" && (participant?.hand_raised ?? false),
    speaking: standing === "in" && (participant?.speaking ?? false),
    bars: standing === "in" && !participant?.muted ? bars(participant?.level_dbov ?? -127) : 0,
    joinedAt: standing === "in" ? (participant?.joined_at ?? undefined) : undefined,
    codec: standing === "in" ? (participant?.codec ?? undefined) : undefined,
    secured: standing === "in" && (participant?.secured ?? false),
    door: participant?.door,
    dialedIn: participant?.direction === "dialed_in",
    transfer: participant?.transfer ?? undefined,
    mute: present && !present.muted ? change(present.id, { muted: true }) : undefined,
    unmute: present?.muted ? change(present.id, { muted: false }) : undefined,
    lowerHand: present?.hand_raised ? change(present.id, { hand_raised: false }) : undefined,
    hangUp: ongoing ? { want: "hang-up", number, id: ongoing.id } : undefined,
    call: callAgain(entry, number, mayControl, { address, role, ...(name && { name }) }),
    sendTo: present && !isOpen(present.transfer) ? (to) => ({ want: "transfer", number, id: present.id, address: to }) : undefined,
  };
}

function isOpen(transfer: Transfer | null | undefined): boolean {
  return transfer?.state === "asked" || (transfer?.state === "accepted" && transfer.status != null);
}

/** Somebody who is away can be called, unless all that is known of them is an address nobody can call. */
function callAgain(entry: Entry, number: string, mayControl: boolean, participant: AddParticipant): Wish | undefined {
  const standing = standingOf(entry);
  const reachable = entry.member !== undefined || entry.participant?.door !== "browser";
  if (!mayControl || !reachable || standing === "in" || standing === "calling") return undefined;
  return { want: "add", number, participant };
}

export function standingOf({ participant }: Entry): Standing {
  switch (participant?.state) {
    case "connected":
    case "on_hold":
    case "reconnecting":
      return "in";
    case "queued":
    case "calling":
    case "ringing":
      return "calling";
    case "disconnected":
      return participant.cause === "left" || participant.cause === "removed" ? "away" : "failed";
    case undefined:
      return "away";
  }
}

/** Speech lies between about −60 and −10 dBov: a bar for each 10 dB. */
export function bars(levelDbov: number): number {
  return Math.min(Math.max(Math.round((levelDbov + 60) / 10), 0), 5);
}
