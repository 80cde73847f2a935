/** What the account that is signed in may do, as the server lists it: only keeps useless buttons away. */
import type { Conference, Role, Session } from "../api/types";
import { canonical } from "./address";

export interface Powers {
  /** Steer conferences: all of them, or those where the account leads. */
  readonly control: "all" | "led" | "none";
  /** Create, change and delete conferences. */
  readonly plan: boolean;
  readonly seeAccounts: boolean;
  /** Create, change and delete accounts; the own one everybody may change. */
  readonly accounts: boolean;
  readonly seeTrunks: boolean;
  /** Create, change and delete trunks. */
  readonly trunks: boolean;
  /** The events of all conferences come, so a missing number means a missed event. */
  readonly allEvents: boolean;
}

export function powersOf({ allowed }: Pick<Session, "allowed">): Powers {
  const reach = (call: string) => allowed.find((one) => one.call === call)?.reach ?? "nothing";
  const all = (call: string) => reach(call) === "everything";
  const call = reach("POST /conferences/{number}/call-all");
  return {
    control: call === "everything" ? "all" : call === "own" ? "led" : "none",
    plan: all("POST /conferences"),
    seeAccounts: all("GET /accounts"),
    accounts: all("POST /accounts"),
    seeTrunks: all("GET /trunks"),
    trunks: all("POST /trunks"),
    allEvents: all("GET /events"),
  };
}

/** The roles that steer a conference. */
export const LEADS: readonly (Role | undefined)[] = ["owner", "admin", "chair"];

/** Whether the account may steer this conference: everywhere, or since its member list makes it a leader there. */
export function mayControl(powers: Powers, account: string, plan: Conference, domain: string): boolean {
  if (powers.control !== "led") return powers.control === "all";
  const own = canonical(account, domain);
  return plan.members.some((member) => canonical(member.address, domain) === own && LEADS.includes(member.role));
}
