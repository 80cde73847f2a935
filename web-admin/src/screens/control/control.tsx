/** The control screen of one conference: call, watch, steer, end. */
import { useMemo, useState } from "preact/hooks";
import { isProblem } from "../../api/problem";
import type { Conference } from "../../api/types";
import { useConsole, useTexts } from "../../app/console";
import { standing } from "../../state/connection";
import { mayControl } from "../../state/powers";
import { chosen, type Filter, planOf, room } from "../../state/room";
import { hashOf } from "../../state/route";
import { Blank, Failed, Loading } from "../../ui/blank";
import { ButtonLink } from "../../ui/button";
import { useSelected } from "../../ui/use-cell";
import { useLoad } from "../../ui/use-load";
import { useTitle } from "../../ui/use-title";
import { Deck } from "./deck";
import { Head } from "./head";
import { KeysDialog } from "./keys-dialog";
import { LegTable } from "./leg-table";
import { Tools } from "./tools";
import { useKeys } from "./use-keys";

export function Control({ number }: { number: string }) {
  const texts = useTexts();
  const { api, feed } = useConsole();
  const [stored, reload] = useLoad(() => api.conference(number), [api, number]);
  const roster = useSelected(feed.live, (live) => live.rooms.get(number));
  const waiting = useSelected(feed.live, (live) => live.seq === undefined);
  const connecting = useSelected(feed.connection, standing) === "connecting";

  if (stored.at === "loading" || (waiting && connecting)) return <Loading />;
  if (stored.at === "ready") return <Room plan={stored.value} />;
  // Nobody stored it, but it runs: ad hoc.
  if (roster !== undefined) return <Room plan={planOf(roster)} />;
  if (!isProblem(stored.fault, "no-such-conference")) return <Failed fault={stored.fault} onRetry={reload} />;
  return (
    <Blank icon="search" title={texts.control.gone}>
      <ButtonLink href={hashOf({ screen: "conferences" })}>{texts.conferences.title}</ButtonLink>
    </Blank>
  );
}

function Room({ plan }: { plan: Conference }) {
  const texts = useTexts();
  const { feed, account, powers, server } = useConsole();
  const roster = useSelected(feed.live, (live) => live.rooms.get(plan.number));
  const [filter, setFilter] = useState<Filter>("all");
  const [search, setSearch] = useState("");
  const [help, setHelp] = useState(false);

  const may = mayControl(powers, account.name, plan, server.domain);
  const now = useMemo(() => room(plan, roster, may, server.domain), [plan, roster, may, server.domain]);
  const entries = useMemo(() => chosen(now.entries, filter, search), [now.entries, filter, search]);
  const keys = useKeys({ callAll: now.callAll ?? now.callRest, onHelp: () => setHelp(true) });
  useTitle(now.title || now.number);
  return (
    <section data-screen="control" data-conference={now.number} data-running={now.running}>
      <Head room={now} plan={plan} onHelp={() => setHelp(true)} />
      <Deck room={now} />
      <Tools room={now} filter={filter} onFilter={setFilter} search={search} onSearch={setSearch} keys={keys} />
      {entries.length > 0 ? (
        <LegTable entries={entries} number={now.number} mayControl={may} body={keys.body} />
      ) : now.entries.length > 0 ? (
        <Blank icon="search" title={texts.control.noMatch} />
      ) : (
        <Blank icon="people" title={texts.control.nobodyHere} hint={texts.control.nobodyHint} />
      )}
      {help && <KeysDialog onClose={() => setHelp(false)} />}
    </section>
  );
}
