/** Carries key presses of the whole screen to where they belong; what they mean stands in `state/keys.ts`. */
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { commandOf } from "../../state/keys";
import type { Wish } from "../../state/wish";
import { useWish } from "../../ui/button";

export interface Keys {
  readonly search: RefObject<HTMLInputElement | null>;
  readonly add: RefObject<HTMLInputElement | null>;
  readonly body: RefObject<HTMLTableSectionElement | null>;
}

export function useKeys({ callAll, onHelp }: { callAll: Wish | undefined; onHelp: () => void }): Keys {
  const search = useRef<HTMLInputElement>(null);
  const add = useRef<HTMLInputElement>(null);
  const body = useRef<HTMLTableSectionElement>(null);
  const { send } = useWish(callAll);

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || document.querySelector("dialog[open], :popover-open") !== null) return;
      const { target } = event;
      const row = target instanceof Element ? target.closest<HTMLElement>("tr[data-row]") : null;
      const command = commandOf({
        key: event.key,
        modified: event.ctrlKey || event.altKey || event.metaKey,
        typing: target instanceof HTMLElement && target.matches("input:not([type=radio], [type=checkbox]), textarea, select"),
        inRow: row !== null,
      });
      if (command === undefined || (command === "next" && isRadio(target))) return;
      event.preventDefault();
      switch (command) {
        case "call-all": void send(); return;
        case "search": search.current?.focus(); return;
        case "add": add.current?.focus(); return;
        case "help": onHelp(); return;
        case "next": focus(row === null ? body.current?.firstElementChild : row.nextElementSibling); return;
        case "previous": focus(row?.previousElementSibling); return;
        case "mute": press(row, "mute", "unmute"); return;
        case "hang-up": press(row, "hang-up"); return;
        case "call": press(row, "call"); return;
      }
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  });
  return { search, add, body };
}

function focus(element: Element | null | undefined): void {
  if (element instanceof HTMLElement) element.focus();
}

/** Arrow keys already move through a group of radio buttons. */
function isRadio(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement && target.type === "radio";
}

/** Presses whichever of these buttons the row has now. */
function press(row: HTMLElement | null, ...actions: readonly string[]): void {
  const buttons = actions.map((action) => `button[data-action="${action}"]`).join();
  row?.querySelector<HTMLButtonElement>(buttons)?.click();
}
