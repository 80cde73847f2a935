/** How a conference stands, in a line: idle, or since when, with how many. */
import { useTexts } from "../../app/console";
import type { ConferenceRow } from "../../state/conferences";
import { Icon } from "../../ui/icon";
import { clock, useNow } from "../../ui/use-now";
import styles from "./running.module.css";

export function Running({ row }: { row: ConferenceRow }) {
  const { conferences: texts, control } = useTexts();
  const now = useNow(row.running);
  if (!row.running) {
    return <span class={styles["idle"]}>{control.idle}<span class={styles["members"]}>{texts.memberCount(row.members)}</span></span>;
  }
  const since = row.startedAt === undefined ? undefined : clock(now - Date.parse(row.startedAt));
  return (
    <span class={styles["running"]}>
      <span class={styles["in"]}>{texts.present(row.present)}</span>
      {row.calling > 0 && <span class={styles["calling"]}>{texts.calling(row.calling)}</span>}
      {since && <time class={styles["since"]} title={`${control.runningFor} ${since}`}>{since}</time>}
      {row.locked && <span class={styles["since"]} title={control.locked}><Icon name="lock" /><span class="unseen">{control.locked}</span></span>}
    </span>
  );
}
