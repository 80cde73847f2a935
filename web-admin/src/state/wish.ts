/** What an operator may ask of a conference, as plain data: a view model offers it, a button carries it out. */
import type { Api } from "../api/calls";
import type { Action, AddParticipant, Cause, ParticipantPatch } from "../api/types";

export type Wish = { readonly number: string } & (
  | { readonly want: "call-all"; readonly only?: Cause[] }
  | { readonly want: "add"; readonly participant: AddParticipant }
  | { readonly want: "change"; readonly id: string; readonly patch: ParticipantPatch }
  | { readonly want: "hang-up"; readonly id: string }
  | { readonly want: "transfer"; readonly id: string; readonly address: string }
  | { readonly want: "act"; readonly action: Action }
);

/** Tells apart what can be pending at the same time. */
export function keyOf(wish: Wish): string {
  switch (wish.want) {
    case "call-all": return `${wish.number} call-all ${wish.only?.join() ?? ""}`;
    case "add": return `${wish.number} add ${wish.participant.address}`;
    case "change": return `${wish.number} change ${wish.id} ${Object.keys(wish.patch).join()}`;
    case "hang-up": return `${wish.number} hang-up ${wish.id}`;
    case "transfer": return `${wish.number} transfer ${wish.id}`;
    case "act": return `${wish.number} act ${wish.action}`;
  }
}

export async function perform(api: Api, wish: Wish): Promise<void> {
  switch (wish.want) {
    case "call-all": await api.callAll(wish.number, wish.only); return;
    case "add": await api.addParticipant(wish.number, wish.participant); return;
    case "change": await api.changeParticipant(wish.number, wish.id, wish.patch); return;
    case "hang-up": await api.removeParticipant(wish.number, wish.id, false); return;
    case "transfer": await api.transferParticipant(wish.number, wish.id, wish.address); return;
    case "act": await api.act(wish.number, wish.action); return;
  }
}
