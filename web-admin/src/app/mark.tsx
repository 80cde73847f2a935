/** The mark: rows of an assembly around its chair. */
import styles from "./mark.module.css";

export function Mark() {
  return (
    <svg class={styles["mark"]} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="8" />
      <path d="M6.5 20.5a9.5 9.5 0 0 1 19 0" />
      <path d="M11.2 22a4.8 4.8 0 0 1 9.6 0" />
      <circle cx="16" cy="24" r="1.9" />
    </svg>
  );
}
