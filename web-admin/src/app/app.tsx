/** Signed out: the door. Signed in: the frame with the screen that the address names. */
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Api, makeApi } from "../api/calls";
import { makeRequest } from "../api/client";
import { isProblem } from "../api/problem";
import type { ServerInfo, Session } from "../api/types";
import { eventsAddress, type Feed, follow } from "../live/feed";
import { cell } from "../state/cell";
import { type Connection, off } from "../state/connection";
import { type Live, nothingKnown } from "../state/live";
import { powersOf } from "../state/powers";
import { SignIn } from "../screens/sign-in/sign-in";
import { Failed, Loading } from "../ui/blank";
import { useCell } from "../ui/use-cell";
import { type Console, ConsoleContext, noNotices, TextsContext } from "./console";
import { Frame } from "./frame";
import { texts } from "./look";

type Standing =
  | { at: "asking" }
  | { at: "failed"; fault: unknown }
  | { at: "out"; expired: boolean }
  | { at: "in"; session: Session; server: ServerInfo };

export function App() {
  const words = useCell(texts);
  const [standing, setStanding] = useState<Standing>({ at: "asking" });
  const csrf = useRef<string | undefined>(undefined);

  const api = useMemo(() => {
    const onSignedOut = () => setStanding((before) => ({ at: "out", expired: before.at === "in" }));
    return makeApi(makeRequest({ csrf: () => csrf.current, onSignedOut }));
  }, []);

  const enter = useCallback(async (session: Session) => {
    csrf.current = session.csrf_token;
    setStanding({ at: "in", session, server: await api.server() });
  }, [api]);

  const askWho = useCallback(() => {
    setStanding({ at: "asking" });
    api.whoAmI().then(enter).catch((fault: unknown) => {
      if (!isProblem(fault, "not-signed-in")) setStanding({ at: "failed", fault });
    });
  }, [api, enter]);
  useEffect(askWho, [askWho]);

  const leave = useCallback(() => {
    const out = () => setStanding({ at: "out", expired: false });
    api.signOut().then(out, out);
  }, [api]);

  if (words === undefined) return null;
  return (
    <TextsContext.Provider value={words}>
      {standing.at === "asking" && <Loading />}
      {standing.at === "failed" && <Failed fault={standing.fault} onRetry={askWho} />}
      {standing.at === "out" && <SignIn api={api} expired={standing.expired} onEnter={enter} />}
      {standing.at === "in" && <Inside api={api} session={standing.session} server={standing.server} onLeave={leave} />}
    </TextsContext.Provider>
  );
}

function Inside({ api, session, server, onLeave }: { api: Api; session: Session; server: ServerInfo; onLeave: () => void }) {
  const feed = useMemo<Feed>(() => ({ live: cell<Live>(nothingKnown), connection: cell<Connection>(off) }), []);
  const powers = useMemo(() => powersOf(session), [session]);
  useEffect(() => follow(feed, {
    address: (after) => eventsAddress(location, after),
    sees: powers.allEvents ? "all" : "some",
    onRefused: () => void api.whoAmI().catch(() => undefined),
  }), [feed, api, powers]);

  const console = useMemo<Console>(() => ({
    api,
    feed,
    account: session.account,
    powers,
    server,
    notices: noNotices(),
    pending: cell<ReadonlySet<string>>(new Set()),
  }), [api, feed, session, powers, server]);
  return <ConsoleContext.Provider value={console}><Frame onLeave={onLeave} /></ConsoleContext.Provider>;
}
