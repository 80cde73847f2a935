/** Line drawings on a 24 × 24 grid. They decorate: whatever they mean stands beside them in words. */
import styles from "./icon.module.css";

const drawings = {
  add: "M12 5v14M5 12h14",
  alert: "M12 4 2.8 19.5h18.4L12 4Zm0 6v4.5m0 2.6v.1",
  back: "M14.5 5.5 8 12l6.5 6.5",
  call: "M6.2 3.8h3l1.5 4-2 1.6a11.5 11.5 0 0 0 5.9 5.9l1.6-2 4 1.5v3a2 2 0 0 1-2.1 2A16.2 16.2 0 0 1 4.2 5.9a2 2 0 0 1 2-2.1Z",
  check: "m5 12.5 4.5 4.5L19 7.5",
  close: "m6 6 12 12M18 6 6 18",
  edit: "m4.5 19.5.9-4L16.2 4.7l3.1 3.1L8.5 18.6l-4 .9ZM14 7l3 3",
  end: "M12 3.5v8M7 6.6a7.6 7.6 0 1 0 10 0",
  forward: "M4.5 12h14m-5.5-5.5 5.5 5.5-5.5 5.5",
  hand: "M8 12.5V6.2a1.4 1.4 0 0 1 2.8 0V11 4.7a1.4 1.4 0 0 1 2.8 0V11 5.7a1.4 1.4 0 0 1 2.8 0v6.1-3.3a1.4 1.4 0 0 1 2.8 0v5.6c0 3.6-2.7 6.4-6.4 6.4-2.7 0-4.4-1.2-5.6-3.3L4.8 13.6c-.8-1.5 1-2.7 2-1.5L8 13.6",
  in: "M13 4.5h4a2 2 0 0 1 2 2v11a2 2 0 0 1-2 2h-4M4 12h10m-3.5-3.7L14 12l-3.5 3.7",
  keyboard: "M4.5 6.5h15a1.5 1.5 0 0 1 1.5 1.5v8a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 16V8a1.5 1.5 0 0 1 1.5-1.5ZM7 10.5h.1m3.2 0h.1m3.2 0h.1m3.2 0h.1M8.5 14h7",
  lock: "M7 10.5V8a5 5 0 0 1 10 0v2.5M6.5 10.5h11A1.5 1.5 0 0 1 19 12v6.5a1.5 1.5 0 0 1-1.5 1.5h-11A1.5 1.5 0 0 1 5 18.5V12a1.5 1.5 0 0 1 1.5-1.5Z",
  menu: "M4 7h16M4 12h16M4 17h16",
  mic: "M12 3.5a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0v-5a3 3 0 0 1 3-3ZM5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3",
  "mic-off": "M15 8.5v-2a3 3 0 0 0-5.8-1M9 9.5v2a3 3 0 0 0 4.6 2.5M5.5 11.5a6.5 6.5 0 0 0 10.3 5.3m2.2-2.7c.3-.8.5-1.7.5-2.6M12 18v3M4 4l16 16",
  paste: "M9 5H7a1.5 1.5 0 0 0-1.5 1.5V19A1.5 1.5 0 0 0 7 20.5h10a1.5 1.5 0 0 0 1.5-1.5V6.5A1.5 1.5 0 0 0 17 5h-2M9 3.5h6v3H9v-3ZM9 11.5h6M9 15.5h4",
  people: "M9 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM2.5 19.5a6.5 6.5 0 0 1 13 0M16 4.9a3.5 3.5 0 0 1 0 6.2m2.2 2.9a6.5 6.5 0 0 1 3.3 5.5",
  remove: "M4.5 6.5h15M9.5 6.5v-2h5v2M6.5 6.5l.8 12a1.5 1.5 0 0 0 1.5 1.4h6.4a1.5 1.5 0 0 0 1.5-1.4l.8-12M10.2 10.5v5.5m3.6-5.5v5.5",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13Zm4.8-1.7 5.2 5.2",
  unlock: "M7 10.5V8a5 5 0 0 1 9.6-2M6.5 10.5h11A1.5 1.5 0 0 1 19 12v6.5a1.5 1.5 0 0 1-1.5 1.5h-11A1.5 1.5 0 0 1 5 18.5V12a1.5 1.5 0 0 1 1.5-1.5Z",
} as const;

/** Putting down is taking up, turned around. */
const turned = { "hang-up": { drawing: "call", degrees: 135 } } as const;

export type IconName = keyof typeof drawings | keyof typeof turned;

export function Icon({ name }: { name: IconName }) {
  const { drawing, degrees } = name === "hang-up" ? turned[name] : { drawing: name, degrees: 0 };
  return (
    <svg class={styles["icon"]} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={drawings[drawing]} transform={degrees === 0 ? undefined : `rotate(${degrees} 12 12)`} />
    </svg>
  );
}
