/** What just happened, in a corner: faults stay until closed, good news goes by itself. */
import { type Console, dismiss, useTexts } from "../app/console";
import { IconButton } from "./button";
import { Icon } from "./icon";
import styles from "./notices.module.css";
import { useCell } from "./use-cell";

export function Notices({ notices }: { notices: Console["notices"] }) {
  const texts = useTexts();
  return (
    <div class={styles["notices"]} aria-live="polite" data-region="notices">
      {useCell(notices).map(({ id, tone, text }) => (
        <div key={id} class={`${styles["notice"]} ${styles[tone]}`} role={tone === "fault" ? "alert" : "status"} data-notice={tone}>
          <Icon name={tone === "fault" ? "alert" : "check"} />
          <p>{text}</p>
          <IconButton icon="close" label={texts.close} onClick={() => dismiss(notices, id)} />
        </div>
      ))}
    </div>
  );
}
