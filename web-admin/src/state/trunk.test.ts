import { expect, test } from "vitest";
import type { Trunk } from "../api/types";
import { newTrunk, trunkDraft, trunkFields } from "./trunk";

const pstn = {
  name: "pstn", host: "pbx.example.org", transport: "tls", register: true, username: "us", has_password: true, enabled: true,
  numbers: [{ number: "+39055123", to: "3001" }, { number: "+39055*" }], sources: ["192.0.2.0/28"], certificate: "sbc.example.org",
} as Trunk;

test("what was stored comes back as it was, without the password", () => {
  const fields = trunkFields(trunkDraft(pstn));
  expect(fields).toMatchObject({ host: "pbx.example.org", transport: "tls", username: "us", caller_id: null });
  expect(fields.numbers).toEqual(pstn.numbers);
  expect(fields.sources).toEqual(pstn.sources);
  expect(fields.certificate).toBe(pstn.certificate);
  expect("password" in fields).toBe(false);
});

test("a new one has its name, and numbers as people write them", () => {
  const draft = { ...trunkDraft(undefined), name: " PSTN ", host: " pbx ", password: "x", numbers: "+39 055-123 = 3001\n\n+39 (06) 1", sources: "192.0.2.1, 192.0.2.2" };
  expect(newTrunk(draft)).toMatchObject({
    name: "pstn", host: "pbx", transport: null, password: "x", certificate: null,
    numbers: [{ number: "+39055123", to: "3001" }, { number: "+39061" }], sources: ["192.0.2.1", "192.0.2.2"],
  });
});
