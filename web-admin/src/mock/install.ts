/**
 * A server inside the page, for looking at the console without one: `npm run dev:mock`.
 *
 * `?scene=quiet` nothing runs; `?scene=door` signed out; `?scene=offline` the events break off after two seconds.
 * Never part of a production build.
 */
import type { Numbered } from "../api/types";
import { begin, quiet } from "./scene";
import { answerTo, plans, signOut } from "./server";
import { listen, talk } from "./world";

const DELAY_MS = 120;

export function install(): void {
  const scene = new URLSearchParams(location.search).get("scene");
  if (scene === "quiet") quiet();
  else begin(plans);
  if (scene === "door") signOut();
  setInterval(talk, 300);

  const network = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input, location.href);
    if (!url.pathname.startsWith("/api/")) return network(input, init);
    const body: unknown = typeof init?.body === "string" ? JSON.parse(init.body) : undefined;
    await new Promise((done) => setTimeout(done, DELAY_MS));
    return answerTo(init?.method ?? "GET", url, body);
  };

  const brokenAt = scene === "offline" ? Date.now() + 2000 : Infinity;
  globalThis.WebSocket = mockSocket(brokenAt) as unknown as typeof WebSocket;
}

/** As much of a WebSocket as the console uses. */
function mockSocket(brokenAt: number) {
  return class {
    onopen: (() => void) | undefined;
    onmessage: ((message: { data: string }) => void) | undefined;
    onclose: ((end: { code: number }) => void) | undefined;
    stop: (() => void) | undefined;

    constructor(address: string) {
      const after = new URL(address).searchParams.get("after");
      setTimeout(() => {
        if (Date.now() > brokenAt) return this.close();
        this.onopen?.();
        this.stop = listen(
          (event: Numbered) => this.onmessage?.({ data: JSON.stringify(event) }),
          after === null ? undefined : Number(after),
        );
        if (Number.isFinite(brokenAt)) setTimeout(() => this.close(), brokenAt - Date.now());
      }, DELAY_MS);
    }

    close(): void {
      this.stop?.();
      this.onclose?.({ code: 1006 });
    }
  };
}
