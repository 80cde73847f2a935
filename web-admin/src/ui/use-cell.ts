/** Draws again whenever a cell, or the part of it that is looked at, changes. */
import { useEffect, useReducer } from "preact/hooks";
import type { Cell } from "../state/cell";

export function useCell<T>(cell: Cell<T>): T {
  return useSelected(cell, (value) => value);
}

export function useSelected<T, S>(cell: Cell<T>, select: (value: T) => S): S {
  const [, again] = useReducer((turns: number, _: void) => turns + 1, 0);
  const selected = select(cell.get());
  useEffect(() => {
    let last = selected;
    const told = () => {
      const next = select(cell.get());
      if (Object.is(next, last)) return;
      last = next;
      again();
    };
    told();
    return cell.follow(told);
  }, [cell, selected]);
  return selected;
}
