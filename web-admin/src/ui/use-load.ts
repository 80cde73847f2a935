/** Something fetched once, and again when asked, when the page is looked at again, or when `deps` change. */
import { type Inputs, useCallback, useEffect, useRef, useState } from "preact/hooks";

export type Loaded<T> =
  | { readonly at: "loading" }
  | { readonly at: "failed"; readonly fault: unknown }
  | { readonly at: "ready"; readonly value: T };

export function useLoad<T>(load: () => Promise<T>, deps: Inputs): readonly [Loaded<T>, () => void] {
  const [loaded, setLoaded] = useState<Loaded<T>>({ at: "loading" });
  const turn = useRef(0);
  const run = useCallback(() => {
    const mine = (turn.current += 1);
    load().then(
      (value) => turn.current === mine && setLoaded({ at: "ready", value }),
      // What was there before stays: an old list is worth more than an error in its place.
      (fault: unknown) =>
        turn.current === mine && setLoaded((before) => (before.at === "ready" ? before : { at: "failed", fault })),
    );
  }, deps);

  useEffect(() => {
    setLoaded({ at: "loading" });
    run();
    const onVisible = () => document.visibilityState === "visible" && run();
    document.addEventListener("visibilitychange", onVisible);
    return () => {
      turn.current += 1;
      document.removeEventListener("visibilitychange", onVisible);
    };
  }, [run]);
  return [loaded, run];
}
