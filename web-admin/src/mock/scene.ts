/** What is going on when the mock starts: a briefing under way, with every state a leg can have. */
import type { Conference } from "../api/types";
import { answer, call, change, end, open, rooms } from "./world";

export function begin(plans: readonly Conference[]): void {
  const [briefing, , night] = plans;
  if (briefing !== undefined) underWay(briefing);
  if (night !== undefined) {
    const roster = open(night.number, night.title);
    roster.started_at = new Date(Date.now() - 3_900_000).toISOString();
    for (const member of night.members.slice(0, 4)) answer(roster, call(roster, member));
  }
}

function underWay(plan: Conference): void {
  const roster = open(plan.number, plan.title);
  roster.started_at = new Date(Date.now() - 754_000).toISOString();
  const ids = plan.members.slice(0, 12).map((member) => call(roster, member));
  const at = (index: number) => ids[index] ?? "";
  for (const index of [0, 1, 2, 4, 5, 7, 9]) answer(roster, at(index));
  change(roster, at(2), { hand_raised: true });
  change(roster, at(4), { muted: true });
  change(roster, at(7), { state: "on_hold" });
  change(roster, at(9), { state: "reconnecting" });
  end(roster, at(3), "busy", 486);
  end(roster, at(6), "no_answer", 408);
  end(roster, at(8), "declined", 603);
  change(roster, at(10), { state: "ringing" });
  const guest = call(roster, { address: "sip:pavel@partner.example.com", name: "Pavel Horák", role: "participant" });
  answer(roster, guest);
  change(roster, guest, { direction: "dialed_in", door: "browser" });
}

/** Nothing runs. */
export function quiet(): void {
  rooms.clear();
}
