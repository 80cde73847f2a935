/** What the screens that are lists have in common: a head with actions, a table whose last column holds the rows' actions. */
import type { ComponentChildren } from "preact";
import { useTexts } from "../app/console";
import page from "./page.module.css";

export function ListHead({ title, summary, children }: { title: string; summary: string; children: ComponentChildren }) {
  return (
    <header class={page["head"]}>
      <div>
        <h1>{title}</h1>
        <p>{summary}</p>
      </div>
      {children}
    </header>
  );
}

/** `columns`: their titles, without that of the actions. */
export function ListTable({ columns, children }: { columns: readonly string[]; children: ComponentChildren }) {
  const { control } = useTexts();
  return (
    <div class={page["panel"]}>
      <table class={page["table"]}>
        <thead>
          <tr>
            {columns.map((title) => <th key={title} scope="col">{title}</th>)}
            <th scope="col"><span class="unseen">{control.column.actions}</span></th>
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
