/** Names the browser's tab after the screen. */
import { useEffect } from "preact/hooks";

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title === "" ? "Plenary" : `${title} · Plenary`;
  }, [title]);
}
