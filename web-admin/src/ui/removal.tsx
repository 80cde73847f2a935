/** Deleting something stored, asked about first; a refusal is told, and nothing is gone. */
import { useState } from "preact/hooks";
import { wordsOf } from "../api/problem";
import { say, useConsole, useTexts } from "../app/console";
import { Confirm } from "./dialog";

export function Removal({ ask, note, remove, onDone, onClose }: {
  ask: string;
  note: string;
  remove(): Promise<void>;
  onDone(): void;
  onClose(): void;
}) {
  const texts = useTexts();
  const { notices } = useConsole();
  const [busy, setBusy] = useState(false);
  const confirm = async () => {
    setBusy(true);
    try {
      await remove();
      onDone();
    } catch (fault) {
      say(notices, "fault", wordsOf(fault, texts.noAnswer));
      onClose();
    }
  };
  return (
    <Confirm title={ask} note={note} action={texts.remove} name="confirm-delete" busy={busy} onConfirm={() => void confirm()}
      onClose={onClose} />
  );
}
