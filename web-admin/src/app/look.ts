/** Language and appearance: chosen once, kept in this browser, applied to the page. */
import { type Language, load, preferred, type Texts } from "../i18n";
import { cell } from "../state/cell";

export type Theme = "auto" | "light" | "dark";

const themes: readonly Theme[] = ["auto", "light", "dark"];

export const theme = cell<Theme>(themes.find((one) => one === read("theme")) ?? "auto");
export const language = cell<Language>(preferred([read("language"), ...navigator.languages]));
export const texts = cell<Texts | undefined>(undefined);

/** Nobody signed in with this browser yet. */
export const firstVisit = read("visited") === null;

export function visited(): void {
  keep("visited", "yes");
}

/** Applies both now and after every change; resolves once there are words to show. */
export async function begin(): Promise<void> {
  theme.follow(applyTheme);
  language.follow(() => void applyLanguage());
  applyTheme();
  await applyLanguage();
}

function applyTheme(): void {
  const chosen = theme.get();
  keep("theme", chosen);
  if (chosen === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = chosen;
}

async function applyLanguage(): Promise<void> {
  const chosen = language.get();
  const loaded = await load(chosen);
  if (language.get() !== chosen) return;
  keep("language", chosen);
  document.documentElement.lang = chosen;
  texts.set(loaded);
}

// A browser may refuse storage; then the choice lasts until the page is left.

function read(name: string): string | null {
  try {
    return localStorage.getItem(`plenary.${name}`);
  } catch {
    return null;
  }
}

function keep(name: string, value: string): void {
  try {
    localStorage.setItem(`plenary.${name}`, value);
  } catch {
    return;
  }
}
