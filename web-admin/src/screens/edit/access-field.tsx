/** Who may call in: four choices with what each means. */
import { useId } from "preact/hooks";
import type { Access } from "../../api/types";
import { useTexts } from "../../app/console";
import styles from "./access-field.module.css";

export function AccessField({ value, onChoose }: { value: Access; onChoose: (access: Access) => void }) {
  const texts = useTexts();
  const name = useId();
  return (
    <fieldset class={styles["access"]}>
      <legend>{texts.plan.access}</legend>
      {(["accounts", "members", "pin", "open"] as const).map((access) => (
        <label key={access} class={styles["one"]}>
          <input type="radio" name={name} checked={access === value} data-field={`access-${access}`} onChange={() => onChoose(access)} />
          <span>{texts.access[access]}</span>
          <small>{texts.accessHint[access]}</small>
        </label>
      ))}
    </fieldset>
  );
}
