// What a person does with the console, for the tests: opens it, signs in, presses buttons, reads the table.
import puppeteer from "puppeteer-core";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
  "--ignore-certificate-errors",
];

/** Runs `steps(page)` in a browser of its own, and ends it whatever happens. */
export async function withConsole(url, steps) {
  const browser = await puppeteer.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: FLAGS,
    acceptInsecureCerts: true,
  });
  try {
    const page = await browser.newPage();
    await page.setViewport({ width: 1280, height: 900 });
    page.on("pageerror", (error) => console.error("page:", error.message));
    await page.goto(url, { waitUntil: "domcontentloaded" });
    return await steps(page);
  } finally {
    await browser.close();
  }
}

export async function signIn(page, name, password) {
  await page.waitForSelector('[data-screen="sign-in"]');
  await page.type('[data-field="username"]', name);
  await page.type('[data-field="password"]', password);
  await page.click('[data-action="sign-in"]');
  await page.waitForSelector('[data-screen="conferences"]');
}

export async function openConference(page, number) {
  await page.evaluate((hash) => { location.hash = hash; }, `#/conferences/${number}`);
  await page.waitForSelector(`[data-screen="control"][data-conference="${number}"] [data-action="call-all"]`);
}

/** The rows of the live table. */
export const readTable = (page) =>
  page.$$eval("[data-row]", (rows) =>
    rows.map(({ dataset }) => ({ address: dataset.address, state: dataset.state, cause: dataset.cause, status: dataset.status })),
  );
