// A browser as a phone, for the tests: registers over a WebSocket, calls or waits to be called, tells what it hears.
//
// node phone.mjs '{"url", "domain", "account", "password", "dial", "microphone", "hears", "not", "video"}'
// Tells one JSON object a line: registered, in, hears, ended; ends with the call.
import { buildSync } from "esbuild";
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
  "--use-fake-ui-for-media-stream",
  "--use-fake-device-for-media-stream",
  "--autoplay-policy=no-user-gesture-required",
  // Without it there is no candidate on the loopback interface.
  "--allow-loopback-in-peer-connection",
];

const wish = JSON.parse(process.argv[2]);
const tell = (news) => console.log(JSON.stringify(news));
const bundle = buildSync({
  entryPoints: [new URL("phone-page.js", import.meta.url).pathname],
  bundle: true,
  write: false,
  format: "iife",
  define: { global: "window" },
});

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  pipe: true,
  args: [...FLAGS, `--use-file-for-fake-audio-capture=${wish.microphone}`],
  acceptInsecureCerts: true,
});
try {
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.error("page:", error.message));
  page.on("console", (message) => process.env.VERBOSE && console.error("page:", message.text()));
  // Any page of the server's own origin will do; the phone is put into it.
  await page.setBypassCSP(true);
  await page.goto(`${wish.url}/healthz`, { waitUntil: "domcontentloaded" });
  const ended = new Promise((resolve) => {
    page.exposeFunction("tell", (news) => {
      tell(news);
      if (news.event === "ended") resolve();
    });
  });
  await page.waitForFunction("typeof tell === 'function'");
  await page.addScriptTag({ content: bundle.outputFiles[0].text });
  await page.evaluate((wish) => window.startPhone(wish), wish);
  await ended;
} finally {
  await browser.close();
}
