/** Deleting an account, asked about first. */
import { useState } from "preact/hooks";
import { wordsOf } from "../../api/problem";
import type { Account } from "../../api/types";
import { say, useConsole, useTexts } from "../../app/console";
import { Confirm } from "../../ui/dialog";

export function RemoveAccount({ account, onDone, onClose }: { account: Account; onDone: () => void; onClose: () => void }) {
  const texts = useTexts();
  const { api, notices } = useConsole();
  const [busy, setBusy] = useState(false);
  const remove = async () => {
    setBusy(true);
    try {
      await api.removeAccount(account.name);
      onDone();
    } catch (fault) {
      say(notices, "fault", wordsOf(fault, texts.noAnswer));
      onClose();
    }
  };
  return (
    <Confirm title={texts.accounts.removeAsk(account.name)} note={texts.accounts.removeNote} action={texts.remove} name="confirm-delete"
      busy={busy} onConfirm={() => void remove()} onClose={onClose} />
  );
}
