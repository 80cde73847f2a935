/** A row of choices of which one is taken; arrow keys move, as in every group of radio buttons. */
import { useId } from "preact/hooks";
import styles from "./choice.module.css";

export interface ChoiceProps<V extends string> {
  label: string;
  choices: readonly { readonly value: V; readonly text: string; readonly count?: number | undefined }[];
  value: V;
  /** For `data-filter` and the like: `data-choice` of each. */
  onChoose(value: V): void;
}

export function Choice<V extends string>({ label, choices, value, onChoose }: ChoiceProps<V>) {
  const name = useId();
  return (
    <fieldset class={styles["choice"]}>
      <legend class="unseen">{label}</legend>
      {choices.map((one) => (
        <label key={one.value} class={styles["one"]} data-choice={one.value}>
          <input type="radio" class="unseen" name={name} checked={one.value === value} onChange={() => onChoose(one.value)} />
          {one.text}
          {one.count !== undefined && <span class={styles["count"]}>{one.count}</span>}
        </label>
      ))}
    </fieldset>
  );
}
