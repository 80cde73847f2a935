/** One leg: how it stands and why, who it is, whether he speaks, and what may be done. */
import { useState } from "preact/hooks";
import type { Member, Participant } from "../../api/types";
import { useConsole, useTexts } from "../../app/console";
import { shown } from "../../state/address";
import { type Leg, leg } from "../../state/leg";
import { LEADS } from "../../state/powers";
import { IconButton, WishIconButton } from "../../ui/button";
import { Icon } from "../../ui/icon";
import { memo } from "../../ui/memo";
import styles from "./leg-row.module.css";
import { LegState } from "./leg-state";
import { TransferDialog } from "./transfer-dialog";

interface LegRowProps {
  rowKey: string;
  member: Member | undefined;
  participant: Participant | undefined;
  number: string;
  mayControl: boolean;
}

/** Only the rows whose participant changed are drawn again. */
export const LegRow = memo(function LegRow({ rowKey, member, participant, number, mayControl }: LegRowProps) {
  const { control: texts } = useTexts();
  const now = leg({ key: rowKey, member, participant }, number, mayControl);
  const { server } = useConsole();
  const address = shown(now.address, server.domain);
  const name = now.name || address;
  const [sending, setSending] = useState(false);
  return (
    <tr class={`${styles["row"]} ${styles[now.standing]} ${now.speaking ? styles["speaking"] : ""}`} tabindex={0} data-row
      data-participant={now.id} data-address={now.address} data-state={now.state} data-cause={now.cause}
      data-status={now.status} data-muted={now.muted} data-speaking={now.speaking}>
      <td class={styles["state"]}><LegState leg={now} /></td>
      <td class={styles["who"]}><Who leg={now} name={name} address={address} /></td>
      <td class={styles["voice"]}>
        <div>
          <WishIconButton wish={now.mute} icon="mic" label={texts.mute(name)} data-action="mute" />
          <WishIconButton wish={now.unmute} icon="mic-off" label={texts.unmute(name)} data-action="unmute" class={styles["muted"]} />
          {!mayControl && now.muted && <span class={styles["muted"]} title={texts.muted}><Icon name="mic-off" /><span class="unseen">{texts.muted}</span></span>}
          {now.standing === "in" && <Voice leg={now} />}
        </div>
      </td>
      <td class={styles["media"]}><Media leg={now} /></td>
      <td class={styles["since"]}>{now.joinedAt && <Since at={now.joinedAt} />}</td>
      <td class={styles["actions"]}>
        <div>
          <WishIconButton wish={now.lowerHand} icon="hand" label={texts.lowerHand(name)} data-action="lower-hand" class={styles["hand"]} />
          <WishIconButton wish={now.call} icon="call" data-action="call" class={styles["call"]}
            label={now.state === "absent" ? texts.call(name) : texts.callAgain(name)} />
          {now.sendTo && <IconButton icon="forward" label={texts.transfer(name)} data-action="transfer" onClick={() => setSending(true)} />}
          <WishIconButton wish={now.hangUp} icon="hang-up" label={texts.hangUp(name)} data-action="hang-up" class={styles["hang-up"]} />
        </div>
        {sending && now.sendTo && <TransferDialog name={name} sendTo={now.sendTo} onClose={() => setSending(false)} />}
      </td>
    </tr>
  );
});

function Who({ leg: now, name, address }: { leg: Leg; name: string; address: string }) {
  const texts = useTexts();
  return (
    <>
      <strong class={styles["name"]}>{name}</strong>
      {LEADS.includes(now.role) && <span class={styles["role"]}>{texts.role[now.role]}</span>}
      {now.handRaised && <span class={styles["raised"]} title={texts.control.hand}><Icon name="hand" /><span class="unseen">{texts.control.hand}</span></span>}
      {now.dialedIn && <span class={styles["faint"]} title={texts.control.dialedIn}><Icon name="in" /><span class="unseen">{texts.control.dialedIn}</span></span>}
      {address !== name && <span class={styles["address"]}>{address}</span>}
    </>
  );
}

/** Five bars of loudness; the words are for those who listen. */
function Voice({ leg: now }: { leg: Leg }) {
  const { control: texts } = useTexts();
  return (
    <span class={styles["meter"]} style={{ "--bars": now.bars }} data-bars={now.bars}>
      {now.speaking && <span class="unseen">{texts.speaking}</span>}
    </span>
  );
}

function Media({ leg: now }: { leg: Leg }) {
  const texts = useTexts();
  if (now.codec === undefined) return null;
  return (
    <span>
      {now.codec}
      {now.door !== undefined && now.door !== "sip" && <> · {texts.door[now.door]}</>}
      {now.secured && <span class={styles["secured"]} title={texts.control.secured}><Icon name="lock" /><span class="unseen">{texts.control.secured}</span></span>}
    </span>
  );
}

function Since({ at }: { at: string }) {
  const time = new Date(at);
  return <time datetime={at}>{time.toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" })}</time>;
}
