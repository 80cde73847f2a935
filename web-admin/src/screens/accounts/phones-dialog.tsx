/** Where an account is registered, and what to type into a phone so that it is. */
import type { Account } from "../../api/types";
import { useConsole, useTexts } from "../../app/console";
import { Failed, Loading } from "../../ui/blank";
import { Dialog } from "../../ui/dialog";
import { useLoad } from "../../ui/use-load";
import { useNow } from "../../ui/use-now";
import styles from "./phones-dialog.module.css";

export function PhonesDialog({ account, onClose }: { account: Account; onClose: () => void }) {
  const { accounts: texts } = useTexts();
  const { api, server } = useConsole();
  const now = useNow(true);
  const [loaded, reload] = useLoad(() => api.registrations(account.name), [api, account.name]);
  return (
    <Dialog title={texts.registrationsOf(account.name)} wide onClose={onClose}>
      {loaded.at === "loading" && <Loading />}
      {loaded.at === "failed" && <Failed fault={loaded.fault} onRetry={reload} />}
      {loaded.at === "ready" && loaded.value.length === 0 && <p class={styles["none"]}>{texts.noRegistrations}</p>}
      {loaded.at === "ready" && loaded.value.length > 0 && (
        <ul class={styles["phones"]}>
          {loaded.value.map(({ contact, transport, user_agent, expires }) => (
            <li key={contact} data-registration={contact}>
              <strong>{user_agent ?? contact}</strong>
              <span>{transport.toUpperCase()}</span>
              <span>{texts.expires} {texts.expiresIn(Math.max(Math.round((Date.parse(expires) - now) / 1000), 0))}</span>
              <code>{contact}</code>
            </li>
          ))}
        </ul>
      )}
      <section class={styles["setup"]}>
        <h3>{texts.setUp}</h3>
        <dl>
          <dt>{texts.domain}</dt><dd><code>{server.domain}</code></dd>
          <dt>{texts.user}</dt><dd><code>{account.name}</code></dd>
          <dt>{texts.server}</dt>
          <dd>{server.sip.map(({ transport, host, port }) => <code key={`${transport} ${host} ${port}`}>{transport.toUpperCase()} {host}:{port}</code>)}</dd>
        </dl>
      </section>
    </Dialog>
  );
}
