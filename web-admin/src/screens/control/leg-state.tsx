/** How a leg stands: a shape, its colour, and words; why it ended, with the SIP status. */
import { useTexts } from "../../app/console";
import type { Leg } from "../../state/leg";
import styles from "./leg-state.module.css";

export function LegState({ leg }: { leg: Leg }) {
  const texts = useTexts();
  const words = leg.cause === undefined ? texts.state[leg.state] : texts.cause[leg.cause];
  const unsteady = leg.state === "on_hold" || leg.state === "reconnecting";
  return (
    <span class={`${styles["state"]} ${styles[unsteady ? "unsteady" : leg.standing]}`}>
      <span class={styles["shape"]} aria-hidden="true" />
      <span>{words}</span>
      {leg.status !== undefined && <span class={styles["status"]}>{texts.control.sip(leg.status)}</span>}
    </span>
  );
}
