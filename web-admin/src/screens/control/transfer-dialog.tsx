/** Where somebody is sent. */
import { useState } from "preact/hooks";
import { useTexts } from "../../app/console";
import type { Wish } from "../../state/wish";
import { Button, useWish } from "../../ui/button";
import { Dialog, DialogFoot } from "../../ui/dialog";
import { TextField } from "../../ui/field";

export function TransferDialog({ name, sendTo, onClose }: { name: string; sendTo: (address: string) => Wish; onClose: () => void }) {
  const texts = useTexts();
  const { control: words } = texts;
  const [address, setAddress] = useState("");
  const wish = address.trim() === "" ? undefined : sendTo(address.trim());
  const { busy, send } = useWish(wish);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (await send()) onClose();
  };
  return (
    <Dialog title={words.transfer(name)} onClose={onClose}>
      <form onSubmit={(event) => void submit(event)} data-form="transfer">
        <TextField label={words.transferTo} hint={words.addHint} field="address" value={address} onText={setAddress} spellcheck={false} autofocus required />
        <DialogFoot>
          <Button onClick={onClose}>{texts.cancel}</Button>
          <Button type="submit" kind="primary" busy={busy} disabled={wish === undefined || busy} data-action="send">{words.transferSend}</Button>
        </DialogFoot>
      </form>
    </Dialog>
  );
}
