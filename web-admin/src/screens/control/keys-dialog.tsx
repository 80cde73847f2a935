/** Which keys do what. */
import { useTexts } from "../../app/console";
import { Dialog } from "../../ui/dialog";
import styles from "./keys-dialog.module.css";

export function KeysDialog({ onClose }: { onClose: () => void }) {
  const { control: texts } = useTexts();
  const keys: readonly (readonly [string, string])[] = [
    ["Shift C", texts.key.callAll],
    ["A", texts.key.add],
    ["/", texts.key.search],
    ["↓ ↑", texts.key.rows],
    ["M", texts.key.mute],
    ["H", texts.key.hangUp],
    ["C", texts.key.call],
    ["?", texts.key.help],
  ];
  return (
    <Dialog title={texts.keys} onClose={onClose}>
      <dl class={styles["keys"]}>
        {keys.map(([key, words]) => (
          <div key={key}><dt>{key.split(" ").map((one) => <kbd key={one}>{one}</kbd>)}</dt><dd>{words}</dd></div>
        ))}
      </dl>
    </Dialog>
  );
}
