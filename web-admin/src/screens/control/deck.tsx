/** What is done to all at once: the big button, the picture of who is in, mute, lock, end. */
import { useState } from "preact/hooks";
import { useTexts } from "../../app/console";
import type { Room } from "../../state/room";
import { Button, useWish, WishButton } from "../../ui/button";
import { Confirm } from "../../ui/dialog";
import { Icon } from "../../ui/icon";
import { CallAll } from "./call-all";
import styles from "./deck.module.css";

export function Deck({ room }: { room: Room }) {
  const { control: texts } = useTexts();
  return (
    <div class={styles["deck"]}>
      <div class={styles["row"]}>
        <CallAll room={room} />
        <WishButton wish={room.callFailed} icon="call" data-action="call-failed">
          {texts.callFailed} <span class={styles["count"]}>{room.failedMembers}</span>
        </WishButton>
        <div class={styles["steer"]}>
          <WishButton wish={room.muteAll} icon="mic-off" data-action="mute-all">{texts.muteAll}</WishButton>
          <WishButton wish={room.unmuteAll} icon="mic" data-action="unmute-all">{texts.unmuteAll}</WishButton>
          <WishButton wish={room.lock} icon="lock" data-action="lock">{texts.lock}</WishButton>
          <WishButton wish={room.unlock} icon="unlock" data-action="unlock">{texts.unlock}</WishButton>
          <End room={room} />
        </div>
      </div>
      <Presence room={room} />
      {room.running && <Speaking names={room.speaking} />}
    </div>
  );
}

function End({ room }: { room: Room }) {
  const texts = useTexts();
  const [asking, setAsking] = useState(false);
  const { busy, send } = useWish(room.end);
  if (room.end === undefined) return null;
  const close = () => setAsking(false);
  return (
    <>
      <Button kind="danger" icon="end" data-action="end" onClick={() => setAsking(true)}>{texts.control.end}</Button>
      {asking && (
        <Confirm title={texts.control.endAsk(room.title || room.number)} note={texts.control.endNote(room.counts.in + room.counts.calling)}
          action={texts.control.end} name="confirm-end" busy={busy} onConfirm={() => void send().then(close)} onClose={close} />
      )}
    </>
  );
}

/** How many of all are in, on the way, failed, away: lengths of a bar. The filter below says it in figures. */
function Presence({ room }: { room: Room }) {
  const { control: texts } = useTexts();
  const parts = (["in", "calling", "failed", "away"] as const).filter((part) => room.counts[part] > 0);
  const words = parts.map((part) => `${texts.filters[part]}: ${room.counts[part]}`).join(", ");
  return (
    <div class={styles["presence"]} role="img" aria-label={words}>
      {parts.map((part) => <span key={part} class={styles[part]} style={{ flexGrow: room.counts[part] }} />)}
    </div>
  );
}

function Speaking({ names }: { names: readonly string[] }) {
  const { control: texts } = useTexts();
  return (
    <p class={styles["speaking"]} data-region="speaking">
      <Icon name="mic" />
      {names.length === 0 ? texts.silence : <>{texts.speaking}: <strong>{names.join(", ")}</strong></>}
    </p>
  );
}
