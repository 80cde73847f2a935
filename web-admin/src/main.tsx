import { render } from "preact";
import { App } from "./app/app";
import { begin } from "./app/look";
import "./styles/tokens.css";
import "./styles/base.css";

async function start(): Promise<void> {
  if (import.meta.env.MODE === "mock") (await import("./mock/install")).install();
  const place = document.getElementById("console");
  if (place === null) throw new Error("index.html has no #console");
  await begin();
  render(<App />, place);
}

void start();
