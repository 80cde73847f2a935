/** Which command a key press means on the control screen. Whoever types text types text. */
export type Command = "call-all" | "add" | "search" | "help" | "next" | "previous" | "mute" | "hang-up" | "call";

export interface Press {
  readonly key: string;
  /** Control, Alt or Meta is held: the press belongs to the browser. */
  readonly modified: boolean;
  readonly typing: boolean;
  /** A row of the list has the focus. */
  readonly inRow: boolean;
}

const ANYWHERE: Readonly<Record<string, Command>> = {
  C: "call-all",
  a: "add",
  "/": "search",
  "?": "help",
  ArrowDown: "next",
};

const IN_ROW: Readonly<Record<string, Command>> = {
  ...ANYWHERE,
  ArrowUp: "previous",
  m: "mute",
  h: "hang-up",
  c: "call",
};

export function commandOf({ key, modified, typing, inRow }: Press): Command | undefined {
  if (modified || typing) return undefined;
  return (inRow ? IN_ROW : ANYWHERE)[key];
}
