/** The form of one trunk: what is typed, and what to send. Rarer fields stay as the API has them. */
import type { Trunk, TrunkFields, TrunkTransport } from "../api/types";

export interface TrunkDraft {
  readonly name: string;
  readonly host: string;
  readonly transport: TrunkTransport | "any";
  readonly register: boolean;
  readonly username: string;
  readonly password: string;
  readonly callerId: string;
  /** One a line: `+39055123 = 3001`, or the number alone. */
  readonly numbers: string;
  /** Addresses and networks, one a line. */
  readonly sources: string;
  readonly certificate: string;
  readonly enabled: boolean;
}

export function trunkDraft(trunk: Trunk | undefined): TrunkDraft {
  return {
    name: trunk?.name ?? "",
    host: trunk?.host ?? "",
    transport: trunk?.transport ?? "any",
    register: trunk?.register ?? false,
    username: trunk?.username ?? "",
    password: "",
    callerId: trunk?.caller_id ?? "",
    numbers: (trunk?.numbers ?? []).map(({ number, to }) => (to ? `${number} = ${to}` : number)).join("\n"),
    sources: (trunk?.sources ?? []).join("\n"),
    certificate: trunk?.certificate ?? "",
    enabled: trunk?.enabled ?? true,
  };
}

/** The whole form; an empty password stays as it is. */
export function trunkFields(draft: TrunkDraft): TrunkFields {
  return {
    host: draft.host.trim(),
    transport: draft.transport === "any" ? null : draft.transport,
    register: draft.register,
    username: draft.username.trim() || null,
    ...(draft.password !== "" && { password: draft.password }),
    caller_id: draft.callerId.trim() || null,
    numbers: lines(draft.numbers).map(numberOf),
    sources: lines(draft.sources),
    certificate: draft.certificate.trim() || null,
    enabled: draft.enabled,
  };
}

export function newTrunk(draft: TrunkDraft): TrunkFields {
  return { ...trunkFields(draft), name: draft.name.trim().toLowerCase() };
}

function numberOf(line: string): { number: string; to?: string } {
  const [number = "", to = ""] = line.split("=").map((part) => part.trim());
  const bare = number.replace(/[\s().-]/g, "");
  return to === "" ? { number: bare } : { number: bare, to };
}

function lines(text: string): string[] {
  return text.split(/[\n,;]/).map((line) => line.trim()).filter((line) => line !== "");
}
