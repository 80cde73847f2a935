/** A modal dialog on the browser's own `<dialog>`: focus is kept inside, Escape closes. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { useTexts } from "../app/console";
import { Button, IconButton } from "./button";
import styles from "./dialog.module.css";

export interface DialogProps {
  title: string;
  wide?: boolean;
  onClose(): void;
  children: ComponentChildren;
}

export function Dialog({ title, wide = false, onClose, children }: DialogProps) {
  const texts = useTexts();
  const heading = useId();
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    element.current?.showModal();
    return () => before instanceof HTMLElement && before.focus();
  }, []);
  return (
    <dialog ref={element} class={`${styles["dialog"]} ${wide ? styles["wide"] : ""}`} aria-labelledby={heading} onClose={onClose}>
      <header class={styles["head"]}>
        <h2 id={heading}>{title}</h2>
        <IconButton icon="close" label={texts.close} onClick={onClose} />
      </header>
      {children}
    </dialog>
  );
}

/** Asks before what cannot be undone. The way back has the focus. */
export function Confirm({ title, note, action, busy, name, onConfirm, onClose }: {
  title: string;
  note: string;
  action: string;
  busy: boolean;
  /** For `data-action`. */
  name: string;
  onConfirm(): void;
  onClose(): void;
}) {
  const texts = useTexts();
  return (
    <Dialog title={title} onClose={onClose}>
      <p class={styles["note"]}>{note}</p>
      <footer class={styles["foot"]}>
        <Button onClick={onClose} autofocus>{texts.cancel}</Button>
        <Button kind="final" busy={busy} data-action={name} onClick={onConfirm}>{action}</Button>
      </footer>
    </Dialog>
  );
}

export function DialogFoot({ children }: { children: ComponentChildren }) {
  return <footer class={styles["foot"]}>{children}</footer>;
}
