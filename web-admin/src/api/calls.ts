/** Every call that the console makes, by name. */
import type { Request } from "./client";
import type {
  AccountChange, Action, AddParticipant, Cause, ConferenceChange, NewAccount, NewConference, ParticipantPatch,
  TrunkFields,
} from "./types";

export type Api = ReturnType<typeof makeApi>;

/** As many as one answer of a list may hold. */
const PAGE = 200;

export function makeApi(request: Request) {
  return {
    signIn: (username: string, password: string) =>
      request("post", "/api/v1/session", { body: { username, password } }),
    whoAmI: () => request("get", "/api/v1/session", {}),
    signOut: () => request("delete", "/api/v1/session", {}),

    server: () => request("get", "/api/v1/server", {}),

    accounts: () =>
      whole((after) => request("get", "/api/v1/accounts", { query: page(after) })),
    addAccount: (body: NewAccount) => request("post", "/api/v1/accounts", { body }),
    changeAccount: (name: string, body: AccountChange) =>
      request("patch", "/api/v1/accounts/{name}", { path: { name }, body }),
    removeAccount: (name: string) => request("delete", "/api/v1/accounts/{name}", { path: { name } }),
    registrations: async (name: string) =>
      (await request("get", "/api/v1/accounts/{name}/registrations", { path: { name } })).items,

    trunks: () =>
      whole((after) => request("get", "/api/v1/trunks", { query: page(after) })),
    addTrunk: (body: TrunkFields) => request("post", "/api/v1/trunks", { body }),
    changeTrunk: (name: string, body: TrunkFields) => request("patch", "/api/v1/trunks/{name}", { path: { name }, body }),
    removeTrunk: (name: string) => request("delete", "/api/v1/trunks/{name}", { path: { name } }),

    conferences: () =>
      whole((after) => request("get", "/api/v1/conferences", { query: page(after) })),
    conference: (number: string) => request("get", "/api/v1/conferences/{number}", { path: { number } }),
    addConference: (body: NewConference) => request("post", "/api/v1/conferences", { body }),
    changeConference: (number: string, body: ConferenceChange) =>
      request("patch", "/api/v1/conferences/{number}", { path: { number }, body }),
    removeConference: (number: string) => request("delete", "/api/v1/conferences/{number}", { path: { number } }),

    callAll: (number: string, only?: Cause[]) =>
      request("post", "/api/v1/conferences/{number}/call-all", {
        path: { number },
        body: only === undefined ? {} : { only },
      }),
    addParticipant: (number: string, body: AddParticipant) =>
      request("post", "/api/v1/conferences/{number}/participants", { path: { number }, body }),
    changeParticipant: (number: string, id: string, body: ParticipantPatch) =>
      request("patch", "/api/v1/conferences/{number}/participants/{id}", { path: { number, id }, body }),
    removeParticipant: (number: string, id: string, ban: boolean) =>
      request("delete", "/api/v1/conferences/{number}/participants/{id}", { path: { number, id }, query: { ban } }),
    transferParticipant: (number: string, id: string, address: string) =>
      request("post", "/api/v1/conferences/{number}/participants/{id}/transfer", { path: { number, id }, body: { address } }),
    act: (number: string, action: Action) =>
      request("post", "/api/v1/conferences/{number}/actions/{action}", { path: { number, action } }),
  };
}

function page(after: string | undefined): { limit: number; after?: string } {
  return after === undefined ? { limit: PAGE } : { limit: PAGE, after };
}

/** Reads a list to its last page. */
async function whole<T>(read: (after: string | undefined) => Promise<PageOf<T>>): Promise<T[]> {
  const all: T[] = [];
  let after: string | undefined;
  do {
    const { items, next } = await read(after);
    all.push(...items);
    after = next ?? undefined;
  } while (after !== undefined);
  return all;
}

interface PageOf<T> {
  items: T[];
  next?: string | null;
}
