/** What every screen reaches: the API, the live picture, who is signed in, and the words. */
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Api } from "../api/calls";
import { wordsOf } from "../api/problem";
import type { Account, ServerInfo } from "../api/types";
import type { Texts } from "../i18n";
import type { Feed } from "../live/feed";
import { type Cell, cell } from "../state/cell";
import type { Powers } from "../state/powers";
import { keyOf, perform, type Wish } from "../state/wish";

export interface Notice {
  readonly id: number;
  readonly tone: "done" | "fault";
  readonly text: string;
}

export interface Console {
  readonly api: Api;
  readonly feed: Feed;
  readonly account: Account;
  readonly powers: Powers;
  readonly server: ServerInfo;
  readonly notices: Cell<readonly Notice[]>;
  /** Keys of the wishes on their way. */
  readonly pending: Cell<ReadonlySet<string>>;
}

export const ConsoleContext = createContext<Console | undefined>(undefined);
export const TextsContext = createContext<Texts | undefined>(undefined);

export function useConsole(): Console {
  return expected(useContext(ConsoleContext));
}

export function useTexts(): Texts {
  return expected(useContext(TextsContext));
}

function expected<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("drawn outside of its context");
  return value;
}

export function noNotices(): Cell<readonly Notice[]> {
  return cell<readonly Notice[]>([]);
}

const DONE_MS = 4000;
let lastNotice = 0;

export function say(notices: Console["notices"], tone: Notice["tone"], text: string): void {
  const id = (lastNotice += 1);
  notices.set([...notices.get().filter((notice) => notice.text !== text).slice(-2), { id, tone, text }]);
  // A fault stays until it was read.
  if (tone === "done") setTimeout(() => dismiss(notices, id), DONE_MS);
}

export function dismiss(notices: Console["notices"], id: number): void {
  notices.set(notices.get().filter((notice) => notice.id !== id));
}

/** Carries a wish out, pending until answered; a fault is told in the server's own words. True when done. */
export async function ask(console: Console, texts: Texts, wish: Wish): Promise<boolean> {
  const { pending, notices } = console;
  const key = keyOf(wish);
  if (pending.get().has(key)) return false;
  pending.set(new Set([...pending.get(), key]));
  try {
    await perform(console.api, wish);
    return true;
  } catch (fault) {
    say(notices, "fault", wordsOf(fault, texts.noAnswer));
    return false;
  } finally {
    pending.set(new Set([...pending.get()].filter((one) => one !== key)));
  }
}
