/** The PBXs and carriers that calls come from and go to, and how each stands. */
import { useEffect, useState } from "preact/hooks";
import type { Trunk } from "../../api/types";
import { useConsole, useTexts } from "../../app/console";
import { Blank, Failed, Loading } from "../../ui/blank";
import { Button, IconButton } from "../../ui/button";
import { ListHead, ListTable } from "../../ui/listing";
import page from "../../ui/page.module.css";
import { Removal } from "../../ui/removal";
import { useLoad } from "../../ui/use-load";
import { useTitle } from "../../ui/use-title";
import { TrunkDialog } from "./trunk-dialog";
import styles from "./trunks.module.css";

type Open = { what: "new" } | { what: "edit" | "remove"; trunk: Trunk };

/** How often the states are looked at again. */
const AGAIN_MS = 5000;

export function Trunks() {
  const { trunks: texts } = useTexts();
  const { api, powers } = useConsole();
  const [loaded, reload] = useLoad(api.trunks, [api]);
  const [open, setOpen] = useState<Open>();
  useTitle(texts.title);
  useEffect(() => {
    const timer = setInterval(reload, AGAIN_MS);
    return () => clearInterval(timer);
  }, [reload]);

  if (loaded.at === "loading") return <Loading />;
  if (loaded.at === "failed") return <Failed fault={loaded.fault} onRetry={reload} />;
  const close = () => setOpen(undefined);
  const done = () => {
    close();
    reload();
  };
  return (
    <section data-screen="trunks">
      <ListHead title={texts.title} summary={texts.summary(loaded.value.length)}>
        {powers.trunks && (
          <Button kind="primary" icon="add" data-action="new-trunk" onClick={() => setOpen({ what: "new" })}>{texts.create}</Button>
        )}
      </ListHead>
      {loaded.value.length === 0 ? <Blank icon="call" title={texts.none} /> : <Table rows={loaded.value} onOpen={setOpen} />}
      {open?.what === "new" && <TrunkDialog trunk={undefined} onDone={done} onClose={close} />}
      {open?.what === "edit" && <TrunkDialog trunk={open.trunk} onDone={done} onClose={close} />}
      {open?.what === "remove" && (
        <Removal ask={texts.removeAsk(open.trunk.name)} note={texts.removeNote} remove={() => api.removeTrunk(open.trunk.name)}
          onDone={done} onClose={close} />
      )}
    </section>
  );
}

function Table({ rows, onOpen }: { rows: readonly Trunk[]; onOpen: (open: Open) => void }) {
  const { trunks: texts } = useTexts();
  return (
    <ListTable columns={[texts.name, texts.host, texts.numbers, texts.state]}>
      {rows.map((trunk) => <Row key={trunk.name} trunk={trunk} onOpen={onOpen} />)}
    </ListTable>
  );
}

function Row({ trunk, onOpen }: { trunk: Trunk; onOpen: (open: Open) => void }) {
  const { trunks: texts } = useTexts();
  const { powers } = useConsole();
  const { name, state } = trunk;
  return (
    <tr data-trunk={name}>
      <td><strong class={styles["name"]}>{name}</strong></td>
      <td>{trunk.host}</td>
      <td>{(trunk.numbers ?? []).map(({ number }) => number).join(", ")}</td>
      <td>
        <span class={styles[state.status]} data-state={state.status}>{texts.status[state.status]}</span>
        {state.why && <span class={styles["why"]}>{state.why}</span>}
      </td>
      <td>
        {powers.trunks && (
          <div class={page["actions"]}>
            <IconButton icon="edit" label={texts.edit(name)} data-action="edit" onClick={() => onOpen({ what: "edit", trunk })} />
            <IconButton icon="remove" label={texts.remove(name)} data-action="delete" onClick={() => onOpen({ what: "remove", trunk })} />
          </div>
        )}
      </td>
    </tr>
  );
}
