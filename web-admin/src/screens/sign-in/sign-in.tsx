/** The door of the console. */
import { useState } from "preact/hooks";
import type { Api } from "../../api/calls";
import { wordsOf } from "../../api/problem";
import type { Session } from "../../api/types";
import { useTexts } from "../../app/console";
import { firstVisit, visited } from "../../app/look";
import { Mark } from "../../app/mark";
import { LookFields } from "../../app/menu";
import { Button } from "../../ui/button";
import { TextField } from "../../ui/field";
import styles from "./sign-in.module.css";

export function SignIn({ api, expired, onEnter }: {
  api: Api;
  expired: boolean;
  onEnter: (session: Session) => Promise<void>;
}) {
  const texts = useTexts();
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<string>();

  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setFault(undefined);
    try {
      const session = await api.signIn(name.trim(), password);
      visited();
      await onEnter(session);
    } catch (refusal) {
      setFault(wordsOf(refusal, texts.noAnswer));
      setBusy(false);
    }
  };

  return (
    <main class={styles["door"]}>
      <form class={styles["card"]} onSubmit={(event) => void submit(event)} data-screen="sign-in">
        <h1 class={styles["title"]}><Mark />{texts.product}</h1>
        {expired && <p class={styles["expired"]} role="status">{texts.signIn.expired}</p>}
        <TextField label={texts.signIn.name} field="username" value={name} onText={setName} autocomplete="username" spellcheck={false} autofocus required />
        <TextField label={texts.signIn.password} field="password" type="password" value={password} onText={setPassword} autocomplete="current-password" required />
        {fault && <p class={styles["fault"]} role="alert">{fault}</p>}
        <Button type="submit" kind="primary" busy={busy} data-action="sign-in">{texts.signIn.submit}</Button>
        <details class={styles["hint"]} open={firstVisit}>
          <summary>{texts.signIn.hintTitle}</summary>
          <p>{texts.signIn.hint}</p>
        </details>
      </form>
      <div class={styles["look"]}><LookFields /></div>
    </main>
  );
}
