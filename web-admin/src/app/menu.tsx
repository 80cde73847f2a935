/** The menu of the person: language, appearance, the way out. A popover of the browser: Escape or a click beside closes it. */
import { type Language, languages } from "../i18n";
import { Button } from "../ui/button";
import { SelectField } from "../ui/field";
import { Icon } from "../ui/icon";
import { useCell } from "../ui/use-cell";
import { useConsole, useTexts } from "./console";
import { language, theme } from "./look";
import styles from "./menu.module.css";

export function Menu({ onLeave }: { onLeave: () => void }) {
  const texts = useTexts();
  const { account, server } = useConsole();
  const name = account.display_name || account.name;
  return (
    <>
      <button type="button" class={styles["open"]} popovertarget="menu" aria-label={name} title={name} data-action="menu">
        <Icon name="menu" />
      </button>
      <div id="menu" popover="auto" class={styles["menu"]}>
        <p class={styles["who"]}><strong>{name}</strong><span>{account.name}@{server.domain}</span></p>
        <LookFields />
        <Button onClick={onLeave} data-action="sign-out">{texts.signIn.out}</Button>
        <p class={styles["version"]}>{texts.product} {server.version}</p>
      </div>
    </>
  );
}

export function LookFields() {
  const texts = useTexts();
  const { auto, light, dark } = texts.theme;
  return (
    <>
      <SelectField<Language> label={texts.language} field="language" choices={languages} value={useCell(language)} onChoose={language.set} />
      <SelectField label={texts.theme.label} field="theme" choices={{ auto, light, dark }} value={useCell(theme)} onChoose={theme.set} />
    </>
  );
}
