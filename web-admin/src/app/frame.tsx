/** Around every screen: brand, navigation, the state of the connection, the menu; below it the screen itself. */
import { useEffect, useState } from "preact/hooks";
import { hashOf, readRoute, type Route } from "../state/route";
import { standing } from "../state/connection";
import { Accounts } from "../screens/accounts/accounts";
import { Conferences } from "../screens/conferences/conferences";
import { Control } from "../screens/control/control";
import { EditConference, NewConference } from "../screens/edit/edit";
import { Trunks } from "../screens/trunks/trunks";
import { Icon } from "../ui/icon";
import { Notices } from "../ui/notices";
import { useSelected } from "../ui/use-cell";
import { useConsole, useTexts } from "./console";
import styles from "./frame.module.css";
import { Mark } from "./mark";
import { Menu } from "./menu";

export function Frame({ onLeave }: { onLeave: () => void }) {
  const texts = useTexts();
  const { notices, powers } = useConsole();
  const route = useRoute();
  // What went wrong on another screen says nothing about this one.
  useEffect(() => notices.set(notices.get().filter((notice) => notice.tone === "done")), [notices, route]);
  const current = (screen: Route["screen"]) => (route.screen === screen ? "page" : undefined);
  const elsewhere = route.screen === "accounts" || route.screen === "trunks";
  return (
    <>
      <a class={styles["skip"]} href="#main" onClick={skip}>{texts.skip}</a>
      <header class={styles["bar"]}>
        <a class={styles["brand"]} href={hashOf({ screen: "conferences" })}>
          <Mark /><span>{texts.product}</span>
        </a>
        <nav class={styles["nav"]} aria-label={texts.menu}>
          <a href={hashOf({ screen: "conferences" })} aria-current={elsewhere ? undefined : "page"}>{texts.conferences.title}</a>
          {powers.seeAccounts && (
            <a href={hashOf({ screen: "accounts" })} aria-current={current("accounts")}>{texts.accounts.title}</a>
          )}
          {powers.seeTrunks && (
            <a href={hashOf({ screen: "trunks" })} aria-current={current("trunks")}>{texts.trunks.title}</a>
          )}
        </nav>
        <ConnectionState />
        <Menu onLeave={onLeave} />
      </header>
      <StaleBanner />
      <main id="main" class={styles["main"]} tabindex={-1}><Screen route={route} /></main>
      <Notices notices={notices} />
    </>
  );
}

function Screen({ route }: { route: Route }) {
  switch (route.screen) {
    case "conferences": return <Conferences />;
    case "new-conference": return <NewConference />;
    case "edit": return <EditConference key={route.number} number={route.number} />;
    case "control": return <Control key={route.number} number={route.number} />;
    case "accounts": return <Accounts />;
    case "trunks": return <Trunks />;
  }
}

function ConnectionState() {
  const texts = useTexts();
  const now = useSelected(useConsole().feed.connection, standing);
  if (now === "off") return null;
  return (
    <span class={`${styles["connection"]} ${styles[now]}`} role="status" data-connection={now} title={texts.connection[now]}>
      <span class={styles["dot"]} /><span class={styles["words"]}>{texts.connection[now]}</span>
    </span>
  );
}

function StaleBanner() {
  const texts = useTexts();
  const now = useSelected(useConsole().feed.connection, standing);
  if (now !== "reconnecting") return null;
  return <p class={styles["stale"]} role="alert"><Icon name="alert" />{texts.connection.stale}</p>;
}

/** The address keeps naming the screen; only the focus moves. */
function skip(event: MouseEvent): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

function useRoute(): Route {
  const [route, setRoute] = useState(() => readRoute(location.hash));
  useEffect(() => {
    const onHash = () => {
      setRoute(readRoute(location.hash));
      scrollTo(0, 0);
    };
    addEventListener("hashchange", onHash);
    return () => removeEventListener("hashchange", onHash);
  }, []);
  return route;
}
