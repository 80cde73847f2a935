/** What a conference is: number, names, who may call in, PINs, options. */
import type { Access } from "../../api/types";
import { useTexts } from "../../app/console";
import type { Draft, Fault } from "../../state/plan";
import { CheckField, SelectField, TextField } from "../../ui/field";
import { AccessField } from "./access-field";
import styles from "./facts-form.module.css";

export interface FormProps {
  draft: Draft;
  onDraft: (draft: Draft) => void;
  /** What to complain about: nothing before the first try to save. */
  faults: ReadonlySet<Fault>;
}

export function FactsForm({ draft, onDraft, faults, isNew }: FormProps & { isNew: boolean }) {
  const { plan: texts } = useTexts();
  const set = (change: Partial<Draft>) => onDraft({ ...draft, ...change });
  const fault = (...some: Fault[]) => some.filter((one) => faults.has(one)).map((one) => texts.fault[one])[0];
  return (
    <div class={styles["facts"]}>
      <TextField label={texts.title} field="title" value={draft.title} onText={(title) => set({ title })} autofocus={isNew} />
      <div class={styles["pair"]}>
        <TextField label={texts.number} field="number" value={draft.number} onText={(number) => set({ number })}
          disabled={!isNew} fault={fault("number-odd")} hint={isNew ? texts.numberHint : undefined} />
        <TextField label={texts.alias} field="alias" value={draft.alias} onText={(alias) => set({ alias })}
          fault={fault("alias-odd")} hint={texts.aliasHint} />
      </div>
      <AccessField value={draft.access} onChoose={(access: Access) => set({ access })} />
      <div class={styles["pair"]}>
        {draft.access === "pin" && (
          <TextField label={texts.pin} field="pin" inputmode="numeric" value={draft.pin} onText={(pin) => set({ pin })}
            fault={fault("pin-missing", "pin-odd")} />
        )}
        <TextField label={texts.chairPin} field="chair-pin" inputmode="numeric" value={draft.chairPin}
          onText={(chairPin) => set({ chairPin })} fault={fault("chair-pin-odd", "pins-equal")} hint={texts.chairPinHint} />
      </div>
      <details class={styles["options"]} open={faults.has("limit-odd") || faults.has("ring-odd")}>
        <summary>{texts.options}</summary>
        <CheckField label={texts.mutedOnEntry} hint={texts.mutedOnEntryHint} field="muted-on-entry" checked={draft.mutedOnEntry}
          onCheck={(mutedOnEntry) => set({ mutedOnEntry })} />
        <CheckField label={texts.announcements} hint={texts.announcementsHint} field="announcements" checked={draft.announcements}
          onCheck={(announcements) => set({ announcements })} />
        <CheckField label={texts.musicWhenAlone} hint={texts.musicWhenAloneHint} field="music-when-alone" checked={draft.musicWhenAlone}
          onCheck={(musicWhenAlone) => set({ musicWhenAlone })} />
        <CheckField label={texts.tones} hint={texts.tonesHint} field="tones" checked={draft.tones}
          onCheck={(tones) => set({ tones })} />
        <SelectField label={texts.spokenLanguage} field="spoken-language" value={draft.language}
          choices={{ "": texts.serversLanguage, en: "English", it: "Italiano", ru: "Русский", zh: "中文" }}
          onChoose={(language) => set({ language })} />
        <div class={styles["pair"]}>
          <TextField label={texts.maxParticipants} field="max-participants" inputmode="numeric" value={draft.maxParticipants}
            onText={(maxParticipants) => set({ maxParticipants })} fault={fault("limit-odd")} hint={texts.maxParticipantsHint} />
          <TextField label={texts.ringSeconds} field="ring-seconds" inputmode="numeric" value={draft.ringSeconds}
            onText={(ringSeconds) => set({ ringSeconds })} fault={fault("ring-odd")} hint={texts.ringSecondsHint} />
        </div>
      </details>
    </div>
  );
}
