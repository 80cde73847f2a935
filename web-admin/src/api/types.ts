/** The types of the wire under short names. All come from the generated schema; none is written here. */
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Access = Schemas["Access"];
export type Account = Schemas["Account"];
export type AccountChange = Schemas["AccountChange"];
export type AccountRole = Schemas["AccountRole"];
export type Action = Schemas["Action"];
export type AddParticipant = Schemas["AddParticipant"];
export type Cause = Schemas["Cause"];
export type Conference = Schemas["Conference"];
export type ConferenceChange = Schemas["ConferenceChange"];
export type ConferenceOptions = Schemas["ConferenceOptions"];
export type Door = Schemas["Door"];
export type Member = Schemas["Member"];
export type NewAccount = Schemas["NewAccount"];
export type NewConference = Schemas["NewConference"];
export type Numbered = Schemas["Numbered"];
export type Participant = Schemas["Participant"];
export type ParticipantPatch = Schemas["ParticipantPatch"];
export type ParticipantState = Schemas["ParticipantState"];
export type Transfer = Schemas["Transfer"];
export type TransferParticipant = Schemas["TransferParticipant"];
export type TransferState = Schemas["TransferState"];
export type Problem = Schemas["Problem"];
export type Registration = Schemas["Registration"];
export type Role = Schemas["Role"];
export type Roster = Schemas["Roster"];
export type ServerInfo = Schemas["ServerInfo"];
export type Session = Schemas["Session"];
export type Trunk = Schemas["TrunkShown"];
export type TrunkFields = Schemas["TrunkFields"];
export type TrunkStatus = Schemas["TrunkStatus"];
export type TrunkTransport = Schemas["TrunkTransport"];
