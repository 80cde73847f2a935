/** The languages of the console; each but English is fetched when somebody chooses it. */
import { en, type Texts } from "./en";

export type { Texts } from "./en";

/** By the name that its own speakers give it. */
export const languages = { en: "English", it: "Italiano", ru: "Русский", zh: "中文" } as const;

export type Language = keyof typeof languages;

export async function load(language: Language): Promise<Texts> {
  switch (language) {
    case "en": return en;
    case "it": return (await import("./it")).it;
    case "ru": return (await import("./ru")).ru;
    case "zh": return (await import("./zh")).zh;
  }
}

/** The first wish that the console can fulfil, by its primary tag: `it-CH` is `it`. */
export function preferred(wishes: readonly (string | null)[]): Language {
  const tags = wishes.map((wish) => wish?.toLowerCase().split("-")[0]);
  return tags.find((tag): tag is Language => tag !== undefined && tag in languages) ?? "en";
}
