/** Which conference this is, and since when it runs. */
import type { Conference } from "../../api/types";
import { useConsole, useTexts } from "../../app/console";
import type { Room } from "../../state/room";
import { hashOf } from "../../state/route";
import { ButtonLink, IconButton } from "../../ui/button";
import { Icon } from "../../ui/icon";
import { clock, useNow } from "../../ui/use-now";
import styles from "./head.module.css";

export function Head({ room, plan, onHelp }: { room: Room; plan: Conference; onHelp: () => void }) {
  const texts = useTexts();
  const { powers } = useConsole();
  const now = useNow(room.running);
  const since = room.startedAt === undefined ? undefined : clock(now - Date.parse(room.startedAt));
  return (
    <header class={styles["head"]}>
      <ButtonLink kind="quiet" icon="back" href={hashOf({ screen: "conferences" })} label={texts.conferences.title} class={styles["back"]} />
      <div class={styles["title"]}>
        <h1>{room.title || texts.conferences.untitled}</h1>
        <p class={styles["facts"]}>
          <span class={styles["number"]}>{room.number}</span>
          {plan.alias && <span>{plan.alias}</span>}
          <span>{texts.access[plan.access]}</span>
          {room.running && since
            ? <span class={styles["running"]}>{texts.control.runningFor} <time>{since}</time></span>
            : <span>{texts.control.idle}</span>}
          {room.locked && <span class={styles["locked"]} data-locked><Icon name="lock" />{texts.control.locked}</span>}
        </p>
      </div>
      <div class={styles["side"]}>
        <IconButton icon="keyboard" label={texts.control.keys} onClick={onHelp} aria-keyshortcuts="?" class={styles["keys"]} />
        {powers.plan && (
          <ButtonLink kind="plain" icon="edit" href={hashOf({ screen: "edit", number: room.number })}>
            <span class={styles["edit"]}>{texts.control.edit}</span>
          </ButtonLink>
        )}
      </div>
    </header>
  );
}
