/** Which screen the address bar names: the part after `#`. */
export type Route =
  | { readonly screen: "conferences" }
  | { readonly screen: "new-conference" }
  | { readonly screen: "edit"; readonly number: string }
  | { readonly screen: "control"; readonly number: string }
  | { readonly screen: "accounts" }
  | { readonly screen: "trunks" };

export function readRoute(hash: string): Route {
  const [head, first, second] = hash.replace(/^#?\/?/, "").split("/").map(decoded);
  if (head === "accounts") return { screen: "accounts" };
  if (head === "trunks") return { screen: "trunks" };
  if (head === "new") return { screen: "new-conference" };
  if (head === "conferences" && first) {
    return { screen: second === "edit" ? "edit" : "control", number: first };
  }
  return { screen: "conferences" };
}

export function hashOf(route: Route): string {
  switch (route.screen) {
    case "conferences": return "#/conferences";
    case "new-conference": return "#/new";
    case "edit": return `#/conferences/${encodeURIComponent(route.number)}/edit`;
    case "control": return `#/conferences/${encodeURIComponent(route.number)}`;
    case "accounts": return "#/accounts";
    case "trunks": return "#/trunks";
  }
}

/** An escape cut short by hand is taken as it stands. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
