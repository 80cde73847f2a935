/** Deleting a trunk, asked about first. */
import { useState } from "preact/hooks";
import { wordsOf } from "../../api/problem";
import type { Trunk } from "../../api/types";
import { say, useConsole, useTexts } from "../../app/console";
import { Confirm } from "../../ui/dialog";

export function RemoveTrunk({ trunk, onDone, onClose }: { trunk: Trunk; onDone: () => void; onClose: () => void }) {
  const texts = useTexts();
  const { api, notices } = useConsole();
  const [busy, setBusy] = useState(false);
  const remove = async () => {
    setBusy(true);
    try {
      await api.removeTrunk(trunk.name);
      onDone();
    } catch (fault) {
      say(notices, "fault", wordsOf(fault, texts.noAnswer));
      onClose();
    }
  };
  return (
    <Confirm title={texts.trunks.removeAsk(trunk.name)} note={texts.trunks.removeNote} action={texts.remove} name="confirm-delete"
      busy={busy} onConfirm={() => void remove()} onClose={onClose} />
  );
}
