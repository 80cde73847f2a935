/** What the account that is signed in may do. The server decides; this only keeps useless buttons away. */
import type { Account } from "../api/types";

export interface Powers {
  /** Call, mute, hang up, lock, end. */
  readonly control: boolean;
  /** Create, change and delete conferences. */
  readonly plan: boolean;
  /** Create, change and delete accounts. */
  readonly accounts: boolean;
}

export function powersOf(account: Account): Powers {
  const admin = account.roles.includes("admin");
  const operator = admin || account.roles.includes("operator");
  return { control: operator, plan: operator, accounts: admin };
}
