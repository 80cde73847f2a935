/** Whom the conference calls: a row each, with the accounts of this server to choose from, or a pasted list. */
import { useId, useState } from "preact/hooks";
import type { Member, Role } from "../../api/types";
import { useConsole, useTexts } from "../../app/console";
import { type Draft, memberFaults, seat, withMember, withMembers, withoutMember } from "../../state/plan";
import { Button, IconButton } from "../../ui/button";
import { SelectField, TextField } from "../../ui/field";
import { useLoad } from "../../ui/use-load";
import type { FormProps } from "./facts-form";
import styles from "./members-form.module.css";
import { PasteBox } from "./paste-box";

export function MembersForm({ draft, onDraft, showAll }: FormProps & { showAll: boolean }) {
  const { plan: texts } = useTexts();
  const { api, powers, server } = useConsole();
  const [accounts] = useLoad(() => (powers.seeAccounts ? api.accounts() : Promise.resolve([])), [api, powers]);
  const [pasting, setPasting] = useState(false);
  const list = useId();
  const known = accounts.at === "ready" ? accounts.value : [];
  const wrong = memberFaults(draft, server.domain);

  const setAddress = (index: number, one: Member, address: string) => {
    const account = known.find(({ name }) => name === address);
    onDraft(withMember(draft, index, { address, ...(account && one.name === "" && { name: account.display_name }) }));
  };
  const fault = (index: number, one: Member): string | undefined => {
    if (wrong.get(index) === "repeated") return texts.repeated;
    return wrong.get(index) === "empty" && (showAll || one.address !== "") ? texts.addressHint : undefined;
  };
  return (
    <section class={styles["members"]} aria-labelledby={`${list}-title`}>
      <header class={styles["head"]}>
        <h2 id={`${list}-title`}>{texts.members} <span>{draft.members.length}</span></h2>
        <p>{texts.membersHint}</p>
      </header>
      <datalist id={list}>{known.map(({ name, display_name }) => <option key={name} value={name}>{display_name}</option>)}</datalist>
      {draft.members.length === 0 && !pasting && <p class={styles["none"]}>{texts.noMembers}</p>}
      <ol class={styles["list"]}>
        {draft.members.map((one, index) => (
          <MemberRow key={index} member={one} list={list} fault={fault(index, one)}
            onAddress={(address) => setAddress(index, one, address)}
            onChange={(change) => onDraft(withMember(draft, index, change))}
            onRemove={() => onDraft(withoutMember(draft, index))} />
        ))}
      </ol>
      {pasting && (
        <PasteBox present={draft.members} onClose={() => setPasting(false)} onAdd={(more) => {
          onDraft(withMembers(draft, more));
          setPasting(false);
        }} />
      )}
      <div class={styles["foot"]}>
        <Button icon="add" data-action="add-member" onClick={() => onDraft(withNewMember(draft))}>{texts.add}</Button>
        {!pasting && <Button icon="paste" data-action="paste" onClick={() => setPasting(true)}>{texts.paste}</Button>}
      </div>
    </section>
  );
}

function withNewMember(draft: Draft): Draft {
  return withMembers(draft, [seat({ address: "" })]);
}

function MemberRow({ member: one, list, fault, onAddress, onChange, onRemove }: {
  member: Member;
  list: string;
  fault: string | undefined;
  onAddress: (address: string) => void;
  onChange: (change: Partial<Member>) => void;
  onRemove: () => void;
}) {
  const { plan: texts, role } = useTexts();
  return (
    <li class={styles["row"]} data-member={one.address}>
      <TextField label={texts.address} quietLabel placeholder={texts.addressHint} field="address" list={list} value={one.address}
        onText={onAddress} fault={fault} spellcheck={false} autofocus={one.address === "" && one.name === ""} />
      <TextField label={texts.name} quietLabel placeholder={texts.name} field="name" value={one.name} onText={(name) => onChange({ name })} />
      <SelectField<Role> label={texts.role} quietLabel field="role" choices={role} value={one.role} onChoose={(chosen) => onChange({ role: chosen })} />
      <IconButton icon="remove" label={texts.removeMember(one.name || one.address)} data-action="remove-member" onClick={onRemove} />
    </li>
  );
}
