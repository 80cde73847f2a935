/** All conferences: what is stored, what is running, one click to call. */
import { useState } from "preact/hooks";
import { useConsole, useTexts } from "../../app/console";
import { type ConferenceRow, conferenceList, type Shown } from "../../state/conferences";
import { hashOf } from "../../state/route";
import { Blank, Failed, Loading } from "../../ui/blank";
import { ButtonLink, WishButton } from "../../ui/button";
import { Choice } from "../../ui/choice";
import { TextField } from "../../ui/field";
import { ListHead, ListTable } from "../../ui/listing";
import page from "../../ui/page.module.css";
import { useSelected } from "../../ui/use-cell";
import { useLoad } from "../../ui/use-load";
import { useTitle } from "../../ui/use-title";
import { Running } from "./running";

export function Conferences() {
  const texts = useTexts();
  const { api, feed, powers, account, server } = useConsole();
  const [stored, reload] = useLoad(api.conferences, [api]);
  const rooms = useSelected(feed.live, (live) => live.rooms);
  const [search, setSearch] = useState("");
  const [shown, setShown] = useState<Shown>("all");
  useTitle(texts.conferences.title);

  if (stored.at === "loading") return <Loading />;
  if (stored.at === "failed") return <Failed fault={stored.fault} onRetry={reload} />;
  const me = { account: account.name, powers, domain: server.domain };
  const { rows, total, running } = conferenceList(stored.value, rooms, shown, search, me);
  const create = powers.plan && (
    <ButtonLink kind="primary" icon="add" href={hashOf({ screen: "new-conference" })}>{texts.conferences.create}</ButtonLink>
  );
  return (
    <section data-screen="conferences">
      <ListHead title={texts.conferences.title} summary={texts.conferences.summary(total, running)}>
        {create}
      </ListHead>
      {total === 0 ? (
        <Blank icon="people" title={texts.conferences.none} hint={texts.conferences.noneHint} />
      ) : (
        <>
          <div class={page["tools"]}>
            <div class={page["search"]}>
              <TextField label={texts.conferences.search} quietLabel placeholder={texts.conferences.search} field="search"
                type="search" value={search} onText={setSearch} />
            </div>
            <Choice<Shown> label={texts.conferences.state} value={shown} onChoose={setShown} choices={[
              { value: "all", text: texts.conferences.all, count: total },
              { value: "running", text: texts.conferences.running, count: running },
              { value: "idle", text: texts.conferences.idle, count: total - running },
            ]} />
          </div>
          {rows.length === 0 ? <Blank icon="search" title={texts.conferences.noMatch} /> : <Table rows={rows} />}
        </>
      )}
    </section>
  );
}

function Table({ rows }: { rows: readonly ConferenceRow[] }) {
  const { conferences: texts } = useTexts();
  return (
    <ListTable columns={[texts.number, texts.name, texts.state, texts.members, texts.access]}>
      {rows.map((row) => <Row key={row.number} row={row} />)}
    </ListTable>
  );
}

function Row({ row }: { row: ConferenceRow }) {
  const texts = useTexts();
  const title = row.title || texts.conferences.untitled;
  const control = hashOf({ screen: "control", number: row.number });
  return (
    <tr data-conference={row.number} data-state={row.running ? "running" : "idle"}>
      <td class={page["number"]}>{row.number}</td>
      <td>
        <a class={page["over"]} href={control}>{title}</a>
        {row.alias && <span class={page["faint"]}> {row.alias}</span>}
      </td>
      <td><Running row={row} /></td>
      <td class={page["wide"]}>{row.members || ""}</td>
      <td class={`${page["faint"]} ${page["wide"]}`}>
        {row.access === undefined ? texts.conferences.adHoc : texts.access[row.access]}
      </td>
      <td>
        <div class={page["actions"]}>
          <WishButton wish={row.callAll} icon="call" data-action="call-all" aria-label={texts.conferences.callAllOf(title)}
            onDone={() => { location.hash = control; }}>
            <span class={page["words"]}>{texts.conferences.callAll}</span>
          </WishButton>
          {row.editable && (
            <ButtonLink kind="quiet" icon="edit" href={hashOf({ screen: "edit", number: row.number })}
              label={texts.conferences.editOf(title)} />
          )}
        </div>
      </td>
    </tr>
  );
}
