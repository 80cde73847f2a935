/** The mock's HTTP API: the calls of `api/calls.ts`, answered from memory. */
import type { Account, AddParticipant, Conference, NewAccount, NewConference, Participant, Problem, Session, TransferParticipant } from "../api/types";
import { accounts as someAccounts, conferences as somePlans } from "./people";
import { call, change, close, end, lock, open, rooms } from "./world";

export const plans = somePlans();
const accounts = someAccounts();
let signedIn = true;

export function signOut(): void {
  signedIn = false;
}

type Handler = (parts: string[], body: unknown, url: URL) => unknown;

/** Thrown as it is sent. */
class Refusal {
  readonly problem: Problem;

  constructor(status: number, name: string, detail: string) {
    this.problem = { type: `/problems/${name}`, title: name, status, detail };
  }
}

const routes: Readonly<Record<string, Handler>> = {
  "GET /session": () => session(),
  "POST /session": (_, body) => {
    const { username, password } = body as { username: string; password: string };
    if (password === "wrong") throw new Refusal(401, "wrong-password", "no enabled account has this name and password");
    signedIn = username !== "";
    return { ...session(), token: "mock" };
  },
  "DELETE /session": () => void signOut(),
  "GET /server": () => ({
    version: "0.1.0", domain: "plenary.example", conference_factory: "sip:conference@plenary.example", srtp: "preferred",
    sip: [{ transport: "tls", host: "192.168.1.20", port: 5061 }, { transport: "udp", host: "192.168.1.20", port: 5060 }],
  }),
  "GET /accounts": () => ({ items: accounts }),
  "POST /accounts": (_, body) => {
    const { password: _secret, ...rest } = body as NewAccount;
    if (accounts.some((one) => one.name === rest.name)) throw new Refusal(409, "taken", `name "${rest.name}" is taken by an account`);
    const account: Account = { display_name: "", roles: ["user"], disabled: false, ...rest, created_at: new Date().toISOString() };
    accounts.push(account);
    return account;
  },
  "PATCH /accounts/*": ([name], body) => Object.assign(found(accounts, (one) => one.name === name), body),
  "DELETE /accounts/*": ([name]) => void accounts.splice(accounts.findIndex((one) => one.name === name), 1),
  "GET /accounts/*/registrations": ([name]) => ({
    items: name?.endsWith("3") ? [] : [{
      contact: `sip:${name}@192.168.1.57:5061;transport=tls`, transport: "tls", user_agent: "Deskphone T5 96.86.0.70",
      expires: new Date(Date.now() + 2_100_000).toISOString(),
    }],
  }),
  "GET /conferences": () => ({ items: plans }),
  "POST /conferences": (_, body) => {
    const wish = body as NewConference;
    const at = new Date().toISOString();
    const number = wish.number ?? String(1000 + plans.length);
    if (plans.some((one) => one.number === number)) throw new Refusal(409, "taken", `number "${number}" is taken by the conference ${number}`);
    const added: Conference = { access: "accounts", members: [], options: {}, ...wish, title: wish.title ?? number, number, created_at: at, updated_at: at };
    plans.push(added);
    return added;
  },
  "GET /conferences/*": ([number]) => plan(number),
  "PATCH /conferences/*": ([number], body) => Object.assign(plan(number), body),
  "DELETE /conferences/*": ([number]) => void plans.splice(plans.indexOf(plan(number)), 1),
  "POST /conferences/*/call-all": ([number], body) => {
    const { only } = body as { only?: string[] };
    const roster = open(plan(number).number, plan(number).title);
    const legOf = (address: string) => roster.participants.find((one) => one.address === address);
    const missing = plan(number).members.filter(({ address }) => {
      const leg = legOf(address);
      if (only) return leg?.state === "disconnected" && leg.cause !== "left" && leg.cause !== "removed";
      return leg === undefined || leg.state === "disconnected";
    });
    return { calls: missing.map((member) => ({ participant_id: call(roster, member), address: member.address })) };
  },
  "POST /conferences/*/participants": ([number], body) => {
    const wish = body as AddParticipant;
    if (/\s/.test(wish.address)) throw new Refusal(422, "bad-address", `"${wish.address}" is no address that can be called: it has a space`);
    return { participant_id: call(open(number ?? "", plan(number).title), wish), address: wish.address };
  },
  "PATCH /conferences/*/participants/*": ([number, id], body) => change(running(number), id ?? "", body as Partial<Participant>),
  "DELETE /conferences/*/participants/*": ([number, id]) => end(running(number), id ?? "", "removed"),
  "POST /conferences/*/participants/*/transfer": ([number, id], body) => {
    const { address } = body as TransferParticipant;
    const roster = running(number);
    change(roster, id ?? "", { transfer: { to: `sip:${address}`, state: "done", status: 200 } });
    end(roster, id ?? "", "left");
  },
  "POST /conferences/*/actions/*": ([number, action]) => {
    const roster = running(number);
    const mute = (muted: boolean) => roster.participants.filter((one) => one.state === "connected").forEach((one) => change(roster, one.id, { muted }));
    if (action === "end") close(roster.number);
    else if (action === "lock" || action === "unlock") lock(roster, action === "lock");
    else mute(action === "mute-all");
  },
};

function session(): Session {
  if (!signedIn) throw new Refusal(401, "not-signed-in", "the session has ended");
  const calls = ["GET /accounts", "POST /accounts", "POST /conferences", "GET /events", "POST /conferences/{number}/call-all"];
  return {
    csrf_token: "mock", expires_at: new Date(Date.now() + 43_200_000).toISOString(), account: found(accounts, () => true),
    allowed: calls.map((one) => ({ call: one, reach: "everything" })),
  };
}

function plan(number: string | undefined): Conference {
  const stored = plans.find((one) => one.number === number);
  if (stored === undefined) throw new Refusal(404, "no-such-conference", `there is no conference ${number}`);
  return stored;
}

function running(number: string | undefined) {
  const roster = rooms.get(number ?? "");
  if (roster === undefined) throw new Refusal(404, "not-running", `conference ${number} is not running`);
  return roster;
}

function found<T>(list: readonly T[], fits: (one: T) => boolean): T {
  const one = list.find(fits);
  if (one === undefined) throw new Refusal(404, "not-found", "there is nothing at this path");
  return one;
}

export function answerTo(method: string, url: URL, body: unknown): Response {
  const words = url.pathname.replace("/api/v1/", "").split("/").map(decodeURIComponent);
  const path = words.map((word, index) => (index % 2 === 1 ? "*" : word)).join("/");
  const handler = routes[`${method} /${path}`];
  try {
    if (handler === undefined) throw new Refusal(404, "not-found", `there is nothing at ${url.pathname}`);
    const value = handler(words.filter((_, index) => index % 2 === 1), body, url);
    return value === undefined ? new Response(null, { status: 204 }) : Response.json(structuredClone(value));
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    return Response.json(refusal.problem, { status: refusal.problem.status, headers: { "Content-Type": "application/problem+json" } });
  }
}
