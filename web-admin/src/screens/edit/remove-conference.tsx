/** Deleting a conference, asked about first. */
import { useState } from "preact/hooks";
import { wordsOf } from "../../api/problem";
import type { Conference } from "../../api/types";
import { say, useConsole, useTexts } from "../../app/console";
import { hashOf } from "../../state/route";
import { IconButton } from "../../ui/button";
import { Confirm } from "../../ui/dialog";

export function RemoveConference({ conference }: { conference: Conference }) {
  const texts = useTexts();
  const { api, notices } = useConsole();
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const remove = async () => {
    setBusy(true);
    try {
      await api.removeConference(conference.number);
      location.hash = hashOf({ screen: "conferences" });
    } catch (fault) {
      say(notices, "fault", wordsOf(fault, texts.noAnswer));
      setBusy(false);
      setAsking(false);
    }
  };
  return (
    <>
      <IconButton kind="danger" icon="remove" label={texts.plan.remove} data-action="delete" onClick={() => setAsking(true)} />
      {asking && (
        <Confirm title={texts.plan.removeAsk(conference.title || conference.number)} note={texts.plan.removeNote} action={texts.remove}
          name="confirm-delete" busy={busy} onConfirm={() => void remove()} onClose={() => setAsking(false)} />
      )}
    </>
  );
}
