/** Everybody: members not called yet, those in, those on the way, those who ended and why. */
import type { RefObject } from "preact";
import { useTexts } from "../../app/console";
import type { Entry } from "../../state/leg";
import page from "../../ui/page.module.css";
import { LegRow } from "./leg-row";
import styles from "./leg-table.module.css";

export function LegTable({ entries, number, mayControl, body }: {
  entries: readonly Entry[];
  number: string;
  mayControl: boolean;
  body: RefObject<HTMLTableSectionElement | null>;
}) {
  const { control: texts } = useTexts();
  return (
    <div class={page["panel"]}>
      <table class={styles["legs"]} aria-label={texts.people}>
        <thead>
          <tr>
            <th scope="col">{texts.column.state}</th>
            <th scope="col">{texts.column.who}</th>
            <th scope="col">{texts.column.level}</th>
            <th scope="col">{texts.column.media}</th>
            <th scope="col">{texts.column.since}</th>
            <th scope="col"><span class="unseen">{texts.column.actions}</span></th>
          </tr>
        </thead>
        <tbody ref={body}>
          {entries.map(({ key, member, participant }) => (
            <LegRow key={key} rowKey={key} member={member} participant={participant} number={number} mayControl={mayControl} />
          ))}
        </tbody>
      </table>
    </div>
  );
}
