/** A new trunk, or the change of one. */
import { useState } from "preact/hooks";
import { wordsOf } from "../../api/problem";
import type { Trunk } from "../../api/types";
import { useConsole, useTexts } from "../../app/console";
import { newTrunk, type TrunkDraft, trunkDraft, trunkFields } from "../../state/trunk";
import { Button } from "../../ui/button";
import { Dialog, DialogFoot } from "../../ui/dialog";
import { CheckField, SelectField, TextArea, TextField } from "../../ui/field";
import styles from "./trunk-dialog.module.css";

export function TrunkDialog({ trunk, onDone, onClose }: { trunk: Trunk | undefined; onDone: () => void; onClose: () => void }) {
  const texts = useTexts();
  const { api } = useConsole();
  const [draft, setDraft] = useState(() => trunkDraft(trunk));
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<string>();
  const set = (change: Partial<TrunkDraft>) => setDraft({ ...draft, ...change });

  const save = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setFault(undefined);
    try {
      await (trunk === undefined ? api.addTrunk(newTrunk(draft)) : api.changeTrunk(trunk.name, trunkFields(draft)));
      onDone();
    } catch (refusal) {
      setFault(wordsOf(refusal, texts.noAnswer));
      setBusy(false);
    }
  };

  const { trunks: words } = texts;
  const transports = { any: words.anyTransport, udp: "UDP", tcp: "TCP", tls: "TLS" };
  return (
    <Dialog title={trunk === undefined ? words.create : words.edit(trunk.name)} onClose={onClose}>
      <form class={styles["form"]} onSubmit={(event) => void save(event)} data-form="trunk">
        {trunk === undefined && (
          <TextField label={words.name} field="name" value={draft.name} onText={(name) => set({ name })} spellcheck={false} autofocus required />
        )}
        <TextField label={words.host} hint={words.hostHint} field="host" value={draft.host} onText={(host) => set({ host })} spellcheck={false} required />
        <SelectField label={words.transport} field="transport" choices={transports} value={draft.transport} onChoose={(transport) => set({ transport })} />
        <CheckField label={words.register} field="register" checked={draft.register} onCheck={(register) => set({ register })} />
        <TextField label={words.username} field="username" value={draft.username} onText={(username) => set({ username })} spellcheck={false} required={draft.register} />
        <TextField label={words.password} {...(trunk?.has_password && { hint: words.passwordHint })} field="password" type="password"
          autocomplete="new-password" value={draft.password} onText={(password) => set({ password })} />
        <TextField label={words.callerId} field="caller-id" value={draft.callerId} onText={(callerId) => set({ callerId })} />
        <TextArea label={words.numbers} hint={words.numbersHint} field="numbers" value={draft.numbers} onText={(numbers) => set({ numbers })} />
        <TextArea label={words.sources} hint={words.sourcesHint} field="sources" value={draft.sources} onText={(sources) => set({ sources })} />
        <TextField label={words.certificate} hint={words.certificateHint} field="certificate" value={draft.certificate} onText={(certificate) => set({ certificate })} spellcheck={false} />
        <CheckField label={words.enabled} field="enabled" checked={draft.enabled} onCheck={(enabled) => set({ enabled })} />
        {fault && <p class={styles["fault"]} role="alert">{fault}</p>}
        <DialogFoot>
          <Button onClick={onClose}>{texts.cancel}</Button>
          <Button type="submit" kind="primary" busy={busy} data-action="save">{texts.save}</Button>
        </DialogFoot>
      </form>
    </Dialog>
  );
}
