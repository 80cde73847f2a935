/**
 * Whether the event stream is up, and when to try again if not.
 *
 * ```text
 *   off ──start──▶ connecting ──opened──▶ open
 *                     ▲   │                │
 *                    due  └──closed──┬─────┘ closed
 *                     │              ▼
 *                     └────────── waiting     attempt counts up; a connection that held 10 s starts over at 0
 * ```
 */
export type Connection =
  | { readonly at: "off" }
  | { readonly at: "connecting"; readonly attempt: number }
  | { readonly at: "open"; readonly attempt: number; readonly since: number }
  | { readonly at: "waiting"; readonly attempt: number; readonly retryAt: number };

export const off: Connection = { at: "off" };

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
const HELD_MS = 10_000;

export function start(): Connection {
  return { at: "connecting", attempt: 0 };
}

export function opened(connection: Connection, now: number): Connection {
  return connection.at === "connecting" ? { at: "open", attempt: connection.attempt, since: now } : connection;
}

/** `chance`: 0 to 1, spreads the clients of a restarted server over the second half of the wait. */
export function closed(connection: Connection, now: number, chance: number): Connection {
  if (connection.at === "off" || connection.at === "waiting") return connection;
  const held = connection.at === "open" && now - connection.since >= HELD_MS;
  const attempt = held ? 1 : connection.attempt + 1;
  const wait = Math.min(FIRST_WAIT_MS * 2 ** (attempt - 1), LONGEST_WAIT_MS);
  return { at: "waiting", attempt, retryAt: now + wait * (0.5 + chance / 2) };
}

/** Tries again once the wait is over, or at once when told to hurry: the network came back. */
export function due(connection: Connection, now: number, hurry = false): Connection {
  if (connection.at !== "waiting" || (now < connection.retryAt && !hurry)) return connection;
  return { at: "connecting", attempt: connection.attempt };
}

/** What the person is told: the first connection of a session is no reconnection. */
export function standing(connection: Connection): "off" | "connecting" | "live" | "reconnecting" {
  switch (connection.at) {
    case "off": return "off";
    case "open": return "live";
    case "connecting": return connection.attempt === 0 ? "connecting" : "reconnecting";
    case "waiting": return "reconnecting";
  }
}
