import { describe, expect, test } from "vitest";
import { en } from "./en";
import { type Language, languages, load, preferred } from "./index";
import { clock } from "../ui/use-now";

/** Every text with its path: `control.cause.busy` → what stands there. */
function flat(texts: object, path = ""): Map<string, unknown> {
  return new Map(Object.entries(texts).flatMap(([key, value]: [string, unknown]) => {
    const here = path === "" ? key : `${path}.${key}`;
    return typeof value === "object" && value !== null ? [...flat(value, here)] : [[here, value] as const];
  }));
}

const own = Object.keys(languages) as Language[];

describe.each(own)("%s", (language) => {
  test("has every text that English has, and no other", async () => {
    expect([...flat(await load(language)).keys()].sort()).toEqual([...flat(en).keys()].sort());
  });

  test("leaves none empty, and takes the same figures", async () => {
    const english = flat(en);
    for (const [path, text] of flat(await load(language))) {
      expect(typeof text, path).toBe(typeof english.get(path));
      if (typeof text === "function") expect(text.length, path).toBe((english.get(path) as (...figures: unknown[]) => string).length);
      else expect(text, path).not.toBe("");
    }
  });
});

test.each([
  [["it-CH", "de"], "it"], [["de", "zh-Hans-CN"], "zh"], [[null, "ru"], "ru"], [["de"], "en"], [[], "en"],
] as [(string | null)[], Language][])("%j is answered in %s", (wishes, language) => {
  expect(preferred(wishes)).toBe(language);
});

test("Russian counts in three forms", async () => {
  const { memberCount } = (await load("ru")).conferences;
  expect([1, 2, 5, 11, 21, 22].map(memberCount)).toEqual(["1 участник", "2 участника", "5 участников", "11 участников", "21 участник", "22 участника"]);
});

test.each([[0, "0:00"], [61_999, "1:01"], [3_600_000, "1:00:00"], [-5, "0:00"]])("%i ms reads %s", (milliseconds, words) => {
  expect(clock(milliseconds)).toBe(words);
});
