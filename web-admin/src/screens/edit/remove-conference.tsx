/** Deleting the conference that is edited. */
import { useState } from "preact/hooks";
import type { Conference } from "../../api/types";
import { useConsole, useTexts } from "../../app/console";
import { hashOf } from "../../state/route";
import { IconButton } from "../../ui/button";
import { Removal } from "../../ui/removal";

export function RemoveConference({ conference }: { conference: Conference }) {
  const { plan } = useTexts();
  const { api } = useConsole();
  const [asking, setAsking] = useState(false);
  const { number, title } = conference;
  return (
    <>
      <IconButton kind="danger" icon="remove" label={plan.remove} data-action="delete" onClick={() => setAsking(true)} />
      {asking && (
        <Removal ask={plan.removeAsk(title || number)} note={plan.removeNote} remove={() => api.removeConference(number)}
          onDone={() => { location.hash = hashOf({ screen: "conferences" }); }} onClose={() => setAsking(false)} />
      )}
    </>
  );
}
