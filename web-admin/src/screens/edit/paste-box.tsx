/** Many members at once from pasted lines; says at once what it understood. */
import { useState } from "preact/hooks";
import type { Member, Role } from "../../api/types";
import { useConsole, useTexts } from "../../app/console";
import { paste } from "../../state/paste";
import { Button } from "../../ui/button";
import { TextArea } from "../../ui/field";
import styles from "./paste-box.module.css";

export function PasteBox({ present, onAdd, onClose }: {
  present: readonly Member[];
  onAdd: (members: readonly Member[]) => void;
  onClose: () => void;
}) {
  const texts = useTexts();
  const { server } = useConsole();
  const [text, setText] = useState("");
  const { members, unread, repeated } = paste(text, present, Object.keys(texts.role) as Role[], server.domain);
  return (
    <div class={styles["box"]}>
      <TextArea label={texts.plan.paste} hint={texts.plan.pasteHint} field="paste" placeholder={texts.plan.pasteExample}
        value={text} onText={setText} spellcheck={false} />
      {(unread.length > 0 || repeated > 0) && (
        <ul class={styles["faults"]}>
          {unread.map(({ line, text: said }) => <li key={line}>{texts.plan.pasteUnread(line, said)}</li>)}
          {repeated > 0 && <li>{texts.plan.pasteRepeated(repeated)}</li>}
        </ul>
      )}
      <div class={styles["foot"]}>
        <Button onClick={onClose}>{texts.cancel}</Button>
        <Button kind="primary" disabled={members.length === 0} data-action="paste-add" onClick={() => onAdd(members)}>
          {texts.plan.pasteAdd(members.length)}
        </Button>
      </div>
    </div>
  );
}
