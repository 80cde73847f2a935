/**
 * The one WebSocket: carries what `state/live.ts` and `state/connection.ts` decide, and decides nothing itself.
 *
 * A lost connection is resumed after the last sequence number; a gap asks for a snapshot. Events are applied as they
 * come, and shown at most once a frame.
 */
import type { Numbered } from "../api/types";
import type { Cell } from "../state/cell";
import { type Connection, closed, due, off, opened, start } from "../state/connection";
import { apply, type Live, nothingKnown } from "../state/live";

export interface Feed {
  readonly live: Cell<Live>;
  readonly connection: Cell<Connection>;
}

export interface FeedSettings {
  /** Where the events are; `after` is the last sequence number known. */
  address(after: number | undefined): string;
  /** Whether the account sees the events of all conferences. */
  readonly sees: "all" | "some";
  /** Called when a connection was refused, or ended for want of a session. */
  onRefused(): void;
}

/** RFC 6455 §7.4.1: the server's word for a session that has ended. */
const POLICY_VIOLATION = 1008;

/** Returns how to stop. */
export function follow({ live, connection }: Feed, settings: FeedSettings): () => void {
  let socket: WebSocket | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let known: Live = nothingKnown;
  let frame = 0;

  const show = () => {
    frame = 0;
    live.set(known);
  };

  const open = () => {
    const current = new WebSocket(settings.address(known.seq));
    socket = current;
    current.onopen = () => connection.set(opened(connection.get(), Date.now()));
    current.onmessage = ({ data }: MessageEvent<string>) => {
      const outcome = apply(known, JSON.parse(data) as Numbered, settings.sees);
      if (outcome.kind === "gap") {
        known = { ...known, seq: undefined };
        current.close();
      } else if (outcome.kind === "applied") {
        known = outcome.live;
        frame ||= requestAnimationFrame(show);
      }
    };
    current.onclose = ({ code }) => {
      if (socket !== current) return;
      if (connection.get().at === "connecting" || code === POLICY_VIOLATION) settings.onRefused();
      connection.set(closed(connection.get(), Date.now(), Math.random()));
      wait();
    };
  };

  const wait = () => {
    clearTimeout(timer);
    const now = connection.get();
    if (now.at === "waiting") timer = setTimeout(() => tryAgain(false), Math.max(now.retryAt - Date.now(), 0));
  };

  const tryAgain = (hurry: boolean) => {
    const next = due(connection.get(), Date.now(), hurry);
    if (next === connection.get()) return wait();
    clearTimeout(timer);
    connection.set(next);
    open();
  };

  const onOnline = () => tryAgain(true);
  addEventListener("online", onOnline);
  connection.set(start());
  open();

  return () => {
    removeEventListener("online", onOnline);
    clearTimeout(timer);
    cancelAnimationFrame(frame);
    const last = socket;
    socket = undefined;
    last?.close();
    connection.set(off);
    live.set(nothingKnown);
  };
}

/** Same host and scheme as the page, `wss:` for `https:`. */
export function eventsAddress(page: Location, after: number | undefined): string {
  const scheme = page.protocol === "http:" ? "ws:" : "wss:";
  return `${scheme}//${page.host}/api/v1/events${after === undefined ? "" : `?after=${after}`}`;
}
