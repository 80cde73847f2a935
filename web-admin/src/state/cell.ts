/** One value that others follow. */
export interface Cell<T> {
  get(): T;
  set(next: T): void;
  /** Returns how to stop following. */
  follow(told: () => void): () => void;
}

export function cell<T>(first: T): Cell<T> {
  let value = first;
  const followers = new Set<() => void>();
  return {
    get: () => value,
    set(next) {
      if (Object.is(value, next)) return;
      value = next;
      for (const told of [...followers]) told();
    },
    follow(told) {
      followers.add(told);
      return () => followers.delete(told);
    },
  };
}
