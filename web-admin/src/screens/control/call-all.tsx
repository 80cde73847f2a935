/** The button that the whole console is for. */
import { useTexts } from "../../app/console";
import type { Room } from "../../state/room";
import { useWish } from "../../ui/button";
import { Icon } from "../../ui/icon";
import styles from "./call-all.module.css";

export function CallAll({ room }: { room: Room }) {
  const { control: texts } = useTexts();
  const wish = room.callAll ?? room.callRest;
  const { busy, send } = useWish(wish);
  if (!room.mayControl) return null;
  const hint = wish ? texts.callHint(room.missing) : room.members > 0 ? texts.everybodyIn : texts.nobody;
  return (
    <button type="button" class={styles["call"]} disabled={wish === undefined || busy} aria-busy={busy || undefined}
      aria-keyshortcuts="Shift+C" data-action="call-all" data-scope={room.callRest ? "rest" : "all"} onClick={() => void send()}>
      <span class={styles["drawing"]}><Icon name={wish ? "call" : "check"} /></span>
      <span class={styles["words"]}>
        <strong>{room.callRest ? texts.callRest : texts.callAll}</strong>
        <span>{hint}</span>
      </span>
    </button>
  );
}
