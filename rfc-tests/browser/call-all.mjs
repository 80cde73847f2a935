// node call-all.mjs URL NAME PASSWORD NUMBER COUNT
// Presses "Call all" of a stored conference and waits until all COUNT rows have come to rest.
// Prints when it clicked (ms since 1970), when all had come to rest, and the rows.
import { openConference, readTable, signIn, withConsole } from "./console.mjs";

const [url, name, password, number, count] = process.argv.slice(2);
const AT_REST = ["connected", "disconnected"];

await withConsole(url, async (page) => {
  await signIn(page, name, password);
  await openConference(page, number);
  const clicked = await page.evaluate(() => {
    document.querySelector('[data-action="call-all"]').click();
    return Date.now();
  });
  await page.waitForFunction(
    (wanted, atRest) => {
      const states = [...document.querySelectorAll("[data-row]")].map((row) => row.dataset.state);
      return states.length >= wanted && states.every((state) => atRest.includes(state));
    },
    { timeout: 40_000, polling: "mutation" },
    Number(count),
    AT_REST,
  );
  const rested = await page.evaluate(() => Date.now());
  if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });
  console.log(JSON.stringify({ clicked, rested, rows: await readTable(page) }));
});
