/** In place of what is not there: while loading, when nothing exists yet, when something failed. */
import type { ComponentChildren } from "preact";
import { wordsOf } from "../api/problem";
import { useTexts } from "../app/console";
import styles from "./blank.module.css";
import { Button } from "./button";
import { Icon, type IconName } from "./icon";

export function Blank({ icon, title, hint, children }: {
  icon: IconName;
  title: string;
  hint?: string;
  children?: ComponentChildren;
}) {
  return (
    <div class={styles["blank"]}>
      <span class={styles["drawing"]}><Icon name={icon} /></span>
      <h2>{title}</h2>
      {hint && <p>{hint}</p>}
      {children}
    </div>
  );
}

export function Loading() {
  return <p class={styles["loading"]} role="status">{useTexts().loading}</p>;
}

export function Failed({ fault, onRetry }: { fault: unknown; onRetry: () => void }) {
  const texts = useTexts();
  return (
    <Blank icon="alert" title={wordsOf(fault, texts.noAnswer)}>
      <Button onClick={onRetry}>{texts.retry}</Button>
    </Blank>
  );
}
