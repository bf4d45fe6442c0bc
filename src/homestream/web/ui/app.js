// The page. Read on: live.js (what is true now), tiles.js, then one file a card.
import { render } from "./vendor/preact.js";
import { useSignalEffect } from "./vendor/signals.js";
import { Alerts, unseen } from "./alerts.js";
import { post, problem } from "./api.js";
import { Climate } from "./climate.js";
import { Consumption } from "./consumption.js";
import { second } from "./format.js";
import { Hogs } from "./hogs.js";
import { html } from "./html.js";
import { Later } from "./later.js";
import { connect, devices, heard, home, link, now, occupied, tenSeconds, trouble } from "./live.js";
import { Menu } from "./menu.js";
import { ModeMenu } from "./mode.js";
import { Power } from "./power.js";
import { Security } from "./security.js";
import { System } from "./system.js";
import { ThemeButton } from "./theme.js";
import { Rooms } from "./tiles.js";

const QUIET_MS = 60_000; // nothing for so long from any device is worth saying

function LinkChip() {
  if (link.value === "lost") {
    return html`<span class="chip lost" role="status">Reconnecting · as of ${second(now.value)}</span>`;
  }
  if (devices.value.length && heard.value && tenSeconds.value - heard.value > QUIET_MS) {
    return html`<span class="chip lost" role="status">No readings since ${second(heard.value)}</span>`;
  }
  return html`<span class="chip live" role="status">Live</span>`;
}

function AlertChip() {
  if (!unseen.value) return null;
  return html`<a class="chip alarm" href="#alerts">${unseen.value} ${unseen.value === 1 ? "alert" : "alerts"}</a>`;
}

function Presence() {
  if (occupied.value === null) return null;
  return html`<span class="chip">${occupied.value ? "Somebody home" : "Nobody home"}</span>`;
}

async function logOut() {
  if (await post("/api/logout")) location.replace("/login");
}

// What few ask for is loaded when it is.
const tryRule = async () => (await import("./trial.js")).show();
const report = () => import("./report.js");

function App() {
  useSignalEffect(() => {
    document.title = `${unseen.value ? `(${unseen.value}) ` : ""}${home.value?.name ?? "Homestream"}`;
    document.body.classList.toggle("stale", link.value === "lost");
  });
  if (!home.value) return html`<p class="waiting" role="status">Connecting to your home…</p>`;
  return html`
    <header>
      <h1>${home.value.name}</h1>
      <${LinkChip} /><${ModeMenu} /><${AlertChip} /><${Presence} />
      <span class="space"></span>
      <button class="chip" onClick=${tryRule}>Try a rule</button>
      <${Menu} label="Report" right=${true}>${(close) => html`<${Later} load=${report} close=${close} />`}<//>
      <${ThemeButton} />
      <button class="chip" onClick=${logOut}>Log out</button>
    </header>
    <main>
      <${Power} /><${Alerts} />
      <${Rooms} />
      <${Hogs} /><${Climate} /><${Security} />
      <${Consumption} /><${System} />
    </main>
    <p class="toast" role="alert">${problem.value || trouble.value}</p>`;
}

const root = document.querySelector("#app");
root.replaceChildren();
render(html`<${App} />`, root);
connect();
