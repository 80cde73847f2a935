/** The form of one account: what is typed, and what to send. */
import type { Account, AccountChange, AccountRole, NewAccount } from "../api/types";

export interface AccountDraft {
  readonly name: string;
  readonly displayName: string;
  readonly email: string;
  readonly password: string;
  readonly roles: readonly AccountRole[];
  readonly disabled: boolean;
}

export function accountDraft(account: Account | undefined): AccountDraft {
  return {
    name: account?.name ?? "",
    displayName: account?.display_name ?? "",
    email: account?.email ?? "",
    password: "",
    roles: account?.roles ?? ["user"],
    disabled: account?.disabled ?? false,
  };
}

export function withRole(draft: AccountDraft, role: AccountRole, held: boolean): AccountDraft {
  const others = draft.roles.filter((one) => one !== role);
  return { ...draft, roles: held ? [...others, role] : others };
}

export function newAccount({ name, displayName, email, password, roles, disabled }: AccountDraft): NewAccount {
  return {
    name: name.trim().toLowerCase(),
    display_name: displayName.trim(),
    email: email.trim() || null,
    password,
    roles: [...roles],
    disabled,
  };
}

/** Only what differs; an emptied e-mail becomes `null`, an empty password stays as it is. */
export function accountChange(before: Account, draft: AccountDraft): AccountChange {
  const email = draft.email.trim() || null;
  const sameRoles = draft.roles.length === before.roles.length && draft.roles.every((role) => before.roles.includes(role));
  return {
    ...(draft.displayName.trim() !== before.display_name && { display_name: draft.displayName.trim() }),
    ...(email !== (before.email ?? null) && { email }),
    ...(draft.password !== "" && { password: draft.password }),
    ...(!sameRoles && { roles: [...draft.roles] }),
    ...(draft.disabled !== before.disabled && { disabled: draft.disabled }),
  };
}
