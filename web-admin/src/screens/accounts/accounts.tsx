/** Who may sign in and register a phone. */
import { useState } from "preact/hooks";
import type { Account } from "../../api/types";
import { useConsole, useTexts } from "../../app/console";
import { Blank, Failed, Loading } from "../../ui/blank";
import { Button, IconButton } from "../../ui/button";
import { TextField } from "../../ui/field";
import { ListHead, ListTable } from "../../ui/listing";
import page from "../../ui/page.module.css";
import { Removal } from "../../ui/removal";
import { useLoad } from "../../ui/use-load";
import { useTitle } from "../../ui/use-title";
import { AccountDialog } from "./account-dialog";
import styles from "./accounts.module.css";
import { PhonesDialog } from "./phones-dialog";

type Open = { what: "new" } | { what: "edit" | "remove" | "phones"; account: Account };

export function Accounts() {
  const texts = useTexts();
  const { api, powers } = useConsole();
  const [loaded, reload] = useLoad(api.accounts, [api]);
  const [search, setSearch] = useState("");
  const [open, setOpen] = useState<Open>();
  useTitle(texts.accounts.title);

  if (loaded.at === "loading") return <Loading />;
  if (loaded.at === "failed") return <Failed fault={loaded.fault} onRetry={reload} />;
  const wanted = search.trim().toLowerCase();
  const rows = loaded.value.filter(({ name, display_name, email }) => `${name} ${display_name} ${email ?? ""}`.toLowerCase().includes(wanted));
  const close = () => setOpen(undefined);
  const done = () => {
    close();
    reload();
  };
  return (
    <section data-screen="accounts">
      <ListHead title={texts.accounts.title} summary={texts.accounts.summary(loaded.value.length)}>
        {powers.accounts && (
          <Button kind="primary" icon="add" data-action="new-account" onClick={() => setOpen({ what: "new" })}>{texts.accounts.create}</Button>
        )}
      </ListHead>
      <div class={page["tools"]}>
        <div class={page["search"]}>
          <TextField label={texts.accounts.search} quietLabel placeholder={texts.accounts.search} field="search" type="search" value={search} onText={setSearch} />
        </div>
      </div>
      {rows.length === 0 ? <Blank icon="search" title={texts.accounts.none} /> : <Table rows={rows} onOpen={setOpen} />}
      {open?.what === "new" && <AccountDialog account={undefined} onDone={done} onClose={close} />}
      {open?.what === "edit" && <AccountDialog account={open.account} onDone={done} onClose={close} />}
      {open?.what === "remove" && (
        <Removal ask={texts.accounts.removeAsk(open.account.name)} note={texts.accounts.removeNote}
          remove={() => api.removeAccount(open.account.name)} onDone={done} onClose={close} />
      )}
      {open?.what === "phones" && <PhonesDialog account={open.account} onClose={close} />}
    </section>
  );
}

function Table({ rows, onOpen }: { rows: readonly Account[]; onOpen: (open: Open) => void }) {
  const { accounts: texts } = useTexts();
  return (
    <ListTable columns={[texts.name, texts.displayName, texts.roles, texts.state]}>
      {rows.map((account) => <Row key={account.name} account={account} onOpen={onOpen} />)}
    </ListTable>
  );
}

function Row({ account, onOpen }: { account: Account; onOpen: (open: Open) => void }) {
  const { accounts: texts } = useTexts();
  const { account: me, powers } = useConsole();
  const isMe = account.name === me.name;
  const { name } = account;
  return (
    <tr data-account={name} class={account.disabled ? styles["disabled"] : undefined}>
      <td>
        <strong class={styles["name"]}>{name}</strong>
        {isMe && <span class={page["faint"]}> ({texts.you})</span>}
      </td>
      <td>
        {account.display_name}
        {account.email && <span class={styles["email"]}>{account.email}</span>}
      </td>
      <td>{account.roles.map((role) => <span key={role} class={styles["role"]}>{texts.role[role]}</span>)}</td>
      <td class={account.disabled ? undefined : page["wide"]}><span class={account.disabled ? styles["off"] : styles["on"]}>{account.disabled ? texts.disabled : texts.enabled}</span></td>
      <td>
        <div class={page["actions"]}>
          <Button kind="quiet" icon="call" data-action="phones" onClick={() => onOpen({ what: "phones", account })}>
            <span class={page["words"]}>{texts.registrations}</span>
          </Button>
          {(powers.accounts || isMe) && <IconButton icon="edit" label={texts.edit(name)} data-action="edit" onClick={() => onOpen({ what: "edit", account })} />}
          {powers.accounts && !isMe && <IconButton icon="remove" label={texts.remove(name)} data-action="delete" onClick={() => onOpen({ what: "remove", account })} />}
        </div>
      </td>
    </tr>
  );
}
