/** Creating a conference, and changing one. */
import { useState } from "preact/hooks";
import { wordsOf } from "../../api/problem";
import type { Conference } from "../../api/types";
import { say, useConsole, useTexts } from "../../app/console";
import { blank, type Draft, draftOf, faults, isChanged, toChange, toNew } from "../../state/plan";
import { hashOf } from "../../state/route";
import { Failed, Loading } from "../../ui/blank";
import { Button, ButtonLink } from "../../ui/button";
import { useLoad } from "../../ui/use-load";
import { useTitle } from "../../ui/use-title";
import styles from "./edit.module.css";
import { FactsForm } from "./facts-form";
import { MembersForm } from "./members-form";
import { RemoveConference } from "./remove-conference";

export function NewConference() {
  return <PlanForm before={undefined} />;
}

export function EditConference({ number }: { number: string }) {
  const { api } = useConsole();
  const [stored, reload] = useLoad(() => api.conference(number), [api, number]);
  if (stored.at === "loading") return <Loading />;
  if (stored.at === "failed") return <Failed fault={stored.fault} onRetry={reload} />;
  return <PlanForm before={stored.value} />;
}

function PlanForm({ before }: { before: Conference | undefined }) {
  const texts = useTexts();
  const { api, notices, server } = useConsole();
  // What it was when the form was opened: another person's change in between shows on the next visit.
  const [first] = useState(before);
  const [draft, setDraft] = useState<Draft>(() => (first === undefined ? blank : draftOf(first)));
  const [busy, setBusy] = useState(false);
  const [tried, setTried] = useState(false);
  const [refusal, setRefusal] = useState<string>();
  const found = faults(draft, server.domain);
  const title = first === undefined ? texts.plan.create : texts.plan.edit;
  useTitle(first === undefined ? title : `${title} ${first.number}`);

  const save = async (event: Event) => {
    event.preventDefault();
    setTried(true);
    setRefusal(undefined);
    if (found.size > 0) return;
    setBusy(true);
    try {
      const { number } = first === undefined
        ? await api.addConference(toNew(draft))
        : await api.changeConference(first.number, toChange(first, draft));
      say(notices, "done", texts.plan.saved);
      location.hash = hashOf({ screen: "control", number });
    } catch (fault) {
      setRefusal(wordsOf(fault, texts.noAnswer));
      setBusy(false);
    }
  };

  const complaint = tried && found.size > 0 ? [...found].map((one) => texts.plan.fault[one]).join(" ") : refusal;
  const form = { draft, onDraft: setDraft, faults: tried ? found : new Set<never>() };
  const back = first === undefined ? hashOf({ screen: "conferences" }) : hashOf({ screen: "control", number: first.number });
  return (
    <form class={styles["form"]} noValidate onSubmit={(event) => void save(event)} data-screen="edit">
      <header class={styles["head"]}>
        <ButtonLink kind="quiet" icon="back" href={back} label={texts.back} />
        <h1>{title}</h1>
        {first && <RemoveConference conference={first} />}
      </header>
      <div class={styles["columns"]}>
        <FactsForm {...form} isNew={first === undefined} />
        <MembersForm {...form} showAll={tried} />
      </div>
      <footer class={styles["foot"]}>
        {complaint && <p class={styles["fault"]} role="alert">{complaint}</p>}
        <ButtonLink href={back}>{isChanged(first, draft) ? texts.plan.discard : texts.back}</ButtonLink>
        <Button type="submit" kind="primary" busy={busy} data-action="save">{first === undefined ? texts.plan.createIt : texts.save}</Button>
      </footer>
    </form>
  );
}
