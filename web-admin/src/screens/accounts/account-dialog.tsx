/** A new account, or the change of one. Roles and the switch are for who administers accounts. */
import { useState } from "preact/hooks";
import { wordsOf } from "../../api/problem";
import type { Account, AccountRole } from "../../api/types";
import { useConsole, useTexts } from "../../app/console";
import { accountDraft, accountChange, newAccount, withRole } from "../../state/account";
import { Button } from "../../ui/button";
import { Dialog, DialogFoot } from "../../ui/dialog";
import { CheckField, TextField } from "../../ui/field";
import styles from "./account-dialog.module.css";

export function AccountDialog({ account, onDone, onClose }: {
  account: Account | undefined;
  onDone: () => void;
  onClose: () => void;
}) {
  const texts = useTexts();
  const { api, powers } = useConsole();
  const [draft, setDraft] = useState(() => accountDraft(account));
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<string>();
  const set = (change: Partial<typeof draft>) => setDraft({ ...draft, ...change });

  const save = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setFault(undefined);
    try {
      await (account === undefined ? api.addAccount(newAccount(draft)) : api.changeAccount(account.name, accountChange(account, draft)));
      onDone();
    } catch (refusal) {
      setFault(wordsOf(refusal, texts.noAnswer));
      setBusy(false);
    }
  };

  const { accounts: words } = texts;
  return (
    <Dialog title={account === undefined ? words.create : words.edit(account.name)} onClose={onClose}>
      <form class={styles["form"]} onSubmit={(event) => void save(event)} data-form="account">
        {account === undefined && (
          <TextField label={words.name} hint={words.nameHint} field="name" value={draft.name} onText={(name) => set({ name })} spellcheck={false} autofocus required />
        )}
        <TextField label={words.displayName} field="display-name" value={draft.displayName} onText={(displayName) => set({ displayName })} />
        <TextField label={`${words.email} (${texts.optional})`} field="email" type="email" value={draft.email} onText={(email) => set({ email })} />
        <TextField label={account === undefined ? words.password : words.newPassword} hint={account === undefined ? words.passwordHint : words.newPasswordHint}
          field="password" type="password" autocomplete="new-password" value={draft.password} onText={(password) => set({ password })} required={account === undefined} />
        {powers.accounts && (
          <fieldset class={styles["roles"]}>
            <legend>{words.roles}</legend>
            {(Object.keys(words.role) as AccountRole[]).map((role) => (
              <CheckField key={role} label={words.role[role]} field={`role-${role}`} checked={draft.roles.includes(role)}
                onCheck={(checked) => setDraft(withRole(draft, role, checked))} />
            ))}
          </fieldset>
        )}
        {powers.accounts && account !== undefined && (
          <CheckField label={words.disabled} hint={words.disabledHint} field="disabled" checked={draft.disabled} onCheck={(disabled) => set({ disabled })} />
        )}
        {fault && <p class={styles["fault"]} role="alert">{fault}</p>}
        <DialogFoot>
          <Button onClick={onClose}>{texts.cancel}</Button>
          <Button type="submit" kind="primary" busy={busy} data-action="save">{texts.save}</Button>
        </DialogFoot>
      </form>
    </Dialog>
  );
}
