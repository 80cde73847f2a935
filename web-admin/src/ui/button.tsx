/** Buttons: the plain one, one that is only a drawing, and one that carries out a wish of the view model. */
import type { ComponentChildren, JSX } from "preact";
import { ask, useConsole, useTexts } from "../app/console";
import { keyOf, type Wish } from "../state/wish";
import styles from "./button.module.css";
import { Icon, type IconName } from "./icon";
import { useSelected } from "./use-cell";

type Kind = "primary" | "plain" | "quiet" | "danger" | "final";

export interface ButtonProps extends Omit<JSX.IntrinsicElements["button"], "icon" | "size" | "class"> {
  kind?: Kind;
  icon?: IconName;
  busy?: boolean;
  children?: ComponentChildren;
  class?: string | undefined;
}

export function Button({ kind = "plain", icon, busy = false, children, class: extra, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      class={[styles["button"], styles[kind], extra].join(" ")}
      aria-busy={busy || undefined}
      disabled={rest.disabled ?? busy}
    >
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

export interface IconButtonProps extends Omit<ButtonProps, "children" | "icon"> {
  icon: IconName;
  /** What it does, in words: read aloud, and shown by the pointer. */
  label: string;
}

export function IconButton({ icon, label, kind = "quiet", class: extra, ...rest }: IconButtonProps) {
  return (
    <Button {...rest} kind={kind} icon={icon} aria-label={label} title={label} class={`${styles["square"]} ${extra ?? ""}`} />
  );
}

/** A link that looks like a button, for what leads to another screen. */
export function ButtonLink({ kind = "plain", icon, href, label, children, class: extra }: {
  kind?: Kind;
  icon?: IconName;
  href: string;
  label?: string;
  children?: ComponentChildren;
  class?: string | undefined;
}) {
  const shape = children === undefined ? styles["square"] : "";
  return (
    <a class={[styles["button"], styles[kind], shape, extra].join(" ")} href={href} aria-label={label} title={label}>
      {icon && <Icon name={icon} />}
      {children}
    </a>
  );
}

/** Whether a wish is on its way, and how to send it. */
export function useWish(wish: Wish | undefined): { busy: boolean; send: () => Promise<boolean> } {
  const console = useConsole();
  const texts = useTexts();
  const key = wish && keyOf(wish);
  const busy = useSelected(console.pending, (pending) => key !== undefined && pending.has(key));
  return { busy, send: () => (wish ? ask(console, texts, wish) : Promise.resolve(false)) };
}

/** Draws nothing for a wish that is not offered. */
export function WishButton({ wish, onDone, ...rest }: ButtonProps & { wish: Wish | undefined; onDone?: () => void }) {
  const { busy, send } = useWish(wish);
  if (wish === undefined) return null;
  const onClick = () => void send().then((done) => done && onDone?.());
  return <Button {...rest} busy={busy} onClick={onClick} />;
}

export function WishIconButton({ wish, ...rest }: IconButtonProps & { wish: Wish | undefined }) {
  const { busy, send } = useWish(wish);
  if (wish === undefined) return null;
  return <IconButton {...rest} busy={busy} onClick={() => void send()} />;
}
