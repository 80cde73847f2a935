/** A labelled control with its hint and what is wrong with it. */
import type { ComponentChildren, Ref } from "preact";
import { useId } from "preact/hooks";
import styles from "./field.module.css";

interface Around {
  label: string;
  /** Kept for those who listen only. */
  quietLabel?: boolean | undefined;
  hint?: string | undefined;
  fault?: string | undefined;
}

interface Named {
  id: string;
  "aria-describedby": string | undefined;
  "aria-invalid": true | undefined;
}

function Field({ label, quietLabel, hint, fault, draw }: Around & { draw: (named: Named) => ComponentChildren }) {
  const id = useId();
  const note = fault ?? hint;
  return (
    <div class={styles["field"]}>
      <label for={id} class={quietLabel ? "unseen" : styles["label"]}>{label}</label>
      {draw({ id, "aria-describedby": note ? `${id}-note` : undefined, "aria-invalid": fault ? true : undefined })}
      {note && <p id={`${id}-note`} class={fault ? styles["fault"] : styles["hint"]}>{note}</p>}
    </div>
  );
}

interface Text extends Around {
  value: string;
  onText: (text: string) => void;
  /** For scripts, as `data-field`. */
  field: string;
  placeholder?: string | undefined;
  spellcheck?: boolean;
}

export interface TextFieldProps extends Text {
  type?: "text" | "password" | "email" | "search";
  inputmode?: "text" | "numeric";
  autocomplete?: "off" | "username" | "current-password" | "new-password";
  keyshortcuts?: string;
  list?: string;
  autofocus?: boolean;
  disabled?: boolean;
  required?: boolean;
  inputRef?: Ref<HTMLInputElement>;
}

export function TextField(props: TextFieldProps) {
  const { label, quietLabel, hint, fault, field, onText, inputRef, keyshortcuts, type = "text", list, ...rest } = props;
  // JSX's types know each kind of input apart; which one it is stands fixed only at run time.
  const kind = { type, list } as { type: "text"; list: string };
  return (
    <Field label={label} quietLabel={quietLabel} hint={hint} fault={fault} draw={(named) => (
      <input autocomplete="off" {...rest} {...kind} {...named} ref={inputRef ?? null} class={styles["control"]}
        data-field={field} aria-keyshortcuts={keyshortcuts} onInput={(event) => onText(event.currentTarget.value)} />
    )} />
  );
}

export function TextArea({ label, quietLabel, hint, fault, field, onText, ...rest }: Text) {
  return (
    <Field label={label} quietLabel={quietLabel} hint={hint} fault={fault} draw={(named) => (
      <textarea {...rest} {...named} class={styles["control"]} data-field={field}
        onInput={(event) => onText(event.currentTarget.value)} />
    )} />
  );
}

/** `choices`: value → words, in their order. */
export function SelectField<V extends string>({ label, quietLabel, hint, fault, field, choices, value, onChoose }: Around & {
  field: string;
  choices: Readonly<Record<V, string>>;
  value: V;
  onChoose: (value: V) => void;
}) {
  const values = Object.keys(choices) as V[];
  return (
    <Field label={label} quietLabel={quietLabel} hint={hint} fault={fault} draw={(named) => (
      <select {...named} class={styles["control"]} data-field={field} value={value} onChange={(event) => {
        const chosen = values.find((one) => one === event.currentTarget.value);
        if (chosen !== undefined) onChoose(chosen);
      }}>
        {values.map((one) => <option key={one} value={one}>{choices[one]}</option>)}
      </select>
    )} />
  );
}

export function CheckField({ label, hint, field, checked, onCheck }: {
  label: string;
  hint?: string;
  field: string;
  checked: boolean;
  onCheck: (checked: boolean) => void;
}) {
  const id = useId();
  return (
    <div class={styles["check"]}>
      <input type="checkbox" id={id} checked={checked} data-field={field} aria-describedby={hint ? `${id}-note` : undefined}
        onChange={(event) => onCheck(event.currentTarget.checked)} />
      <label for={id}>{label}</label>
      {hint && <p id={`${id}-note`} class={styles["hint"]}>{hint}</p>}
    </div>
  );
}
