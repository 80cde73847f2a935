/** Draws again whenever a cell, or the part of it that is looked at, changes. */
import { useEffect, useReducer, useRef } from "preact/hooks";
import type { Cell } from "../state/cell";

export function useCell<T>(cell: Cell<T>): T {
  return useSelected(cell, (value) => value);
}

export function useSelected<T, S>(cell: Cell<T>, select: (value: T) => S): S {
  const [, again] = useReducer((turns: number) => turns + 1, 0);
  const selected = select(cell.get());
  const latest = useRef(select);
  latest.current = select;
  useEffect(() => {
    let last = selected;
    const told = () => {
      const next = latest.current(cell.get());
      if (Object.is(next, last)) return;
      last = next;
      again(undefined);
    };
    told();
    return cell.follow(told);
  }, [cell, selected]);
  return selected;
}
