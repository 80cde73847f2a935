/** SIP and tel addresses as people write them and as the server takes them. */

/** What is needed of `address` to tell whether two mean the same: no scheme, parameters, case or local domain. */
export function canonical(address: string, domain: string): string {
  const bare = address.trim().toLowerCase().replace(/^<|>$/g, "").replace(/^(sips?|tel):/, "").replace(/[;?].*$/, "");
  const local = `@${domain.toLowerCase()}`;
  const user = bare.endsWith(local) ? bare.slice(0, -local.length) : bare;
  return isPhone(user) ? user.replace(/[^\d+*#]/g, "") : user;
}

/** Without scheme and local domain: how it is shown. */
export function shown(address: string, domain: string): string {
  const bare = address.replace(/^(sips?|tel):/i, "");
  const local = `@${domain}`;
  return bare.toLowerCase().endsWith(local.toLowerCase()) ? bare.slice(0, -local.length) : bare;
}

/** Whether the text can only be an address: it has a scheme or a host, or is a telephone number. */
export function isAddress(text: string): boolean {
  return /^(sips?|tel):\S+$/i.test(text) || /^[^\s@<>]+@[^\s@<>]+$/.test(text) || isPhone(text);
}

function isPhone(text: string): boolean {
  return /^\+?[\d*#][\d\s().*#/-]*$/.test(text) && /\d/.test(text);
}

/** Completes what a person typed: `+39 02 55` → `tel:+390255`, `bob@example.org` → `sip:bob@example.org`. */
export function completed(text: string): string {
  const trimmed = text.trim();
  if (/^(sips?|tel):/i.test(trimmed)) return trimmed;
  if (trimmed.includes("@")) return `sip:${trimmed}`;
  if (!isPhone(trimmed)) return trimmed;
  const digits = trimmed.replace(/[^\d+*#]/g, "");
  return digits.startsWith("+") ? `tel:${digits}` : digits;
}
