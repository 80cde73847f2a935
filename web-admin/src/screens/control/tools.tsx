/** Above the list: whom to show, whom to find, whom to call besides. */
import { useState } from "preact/hooks";
import { useTexts } from "../../app/console";
import { addressee } from "../../state/paste";
import type { Filter, Room } from "../../state/room";
import type { Wish } from "../../state/wish";
import { Button, useWish } from "../../ui/button";
import { Choice } from "../../ui/choice";
import { TextField } from "../../ui/field";
import styles from "./tools.module.css";
import type { Keys } from "./use-keys";

export function Tools({ room, filter, onFilter, search, onSearch, keys }: {
  room: Room;
  filter: Filter;
  onFilter: (filter: Filter) => void;
  search: string;
  onSearch: (text: string) => void;
  keys: Keys;
}) {
  const { control: texts } = useTexts();
  const figures: Record<Filter, number> = { all: room.entries.length, hands: room.hands, ...room.counts };
  const filters = (["all", "in", "calling", "failed", "away", "hands"] as const)
    .filter((value) => value !== "hands" || figures.hands > 0 || filter === "hands")
    .map((value) => ({ value, text: texts.filters[value], count: figures[value] }));
  return (
    <div class={styles["tools"]}>
      <Choice<Filter> label={texts.filter} choices={filters} value={filter} onChoose={onFilter} />
      <div class={styles["fields"]}>
        <TextField label={texts.search} quietLabel placeholder={texts.search} field="search" type="search" value={search}
          onText={onSearch} inputRef={keys.search} keyshortcuts="/" />
        {room.mayControl && <Add number={room.number} keys={keys} />}
      </div>
    </div>
  );
}

function Add({ number, keys }: { number: string; keys: Keys }) {
  const { control: texts, role } = useTexts();
  const [text, setText] = useState("");
  const participant = addressee(text, Object.keys(role) as (keyof typeof role)[]);
  const wish: Wish | undefined = participant && { want: "add", number, participant };
  const { busy, send } = useWish(wish);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (await send()) setText("");
  };
  return (
    <form class={styles["add"]} onSubmit={(event) => void submit(event)}>
      <TextField label={texts.add} quietLabel placeholder={texts.add} field="add" value={text} onText={setText}
        inputRef={keys.add} keyshortcuts="a" spellcheck={false} />
      <Button type="submit" icon="call" busy={busy} disabled={wish === undefined || busy} data-action="add">{texts.addCall}</Button>
    </form>
  );
}
