/** How a leg stands: a shape, its colour, and words; why it ended, with the SIP status. */
import { useConsole, useTexts } from "../../app/console";
import { shown } from "../../state/address";
import type { Leg } from "../../state/leg";
import styles from "./leg-state.module.css";

export function LegState({ leg }: { leg: Leg }) {
  const texts = useTexts();
  const words = leg.cause === undefined ? texts.state[leg.state] : texts.cause[leg.cause];
  const { server } = useConsole();
  const unsteady = leg.state === "on_hold" || leg.state === "reconnecting";
  return (
    <span class={`${styles["state"]} ${styles[unsteady ? "unsteady" : leg.standing]}`}>
      <span class={styles["shape"]} aria-hidden="true" />
      <span>{words}</span>
      {leg.transfer && (
        <span data-transfer={leg.transfer.state}>
          {texts.transferState[leg.transfer.state](shown(leg.transfer.to, server.domain))}
          {leg.transfer.state === "failed" && leg.transfer.status != null && <span class={styles["status"]}>{texts.control.sip(leg.transfer.status)}</span>}
        </span>
      )}
      {leg.status !== undefined && <span class={styles["status"]}>{texts.control.sip(leg.status)}</span>}
    </span>
  );
}
