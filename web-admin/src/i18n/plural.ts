/** The figure and the right form of its noun, by the CLDR rules that browsers carry. */
export function plural(locale: string): (n: number, forms: Forms) => string {
  const rules = new Intl.PluralRules(locale);
  return (n, forms) => `${n} ${forms[rules.select(n)] ?? forms.other}`;
}

export type Forms = { readonly other: string } & { readonly [form in Intl.LDMLPluralRule]?: string };
