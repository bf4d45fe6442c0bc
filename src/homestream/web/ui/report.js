// Download the report for a period; dates are the home's. Loaded when the menu is opened.
import { useEffect, useRef } from "./vendor/hooks.js";
import { query } from "./api.js";
import { html } from "./html.js";
import { zone } from "./format.js";
import { now } from "./live.js";

const isoDate = (ms) => new Intl.DateTimeFormat("en-CA", { timeZone: zone.value }).format(ms);
const address = (since, until) => query("/api/report.pdf", { since, until });

export default function Choices({ close }) {
  const first = useRef();
  useEffect(() => first.current.focus(), []);
  const back = (days) => isoDate(now.peek() - days * 86_400_000);
  const choose = (event) => {
    event.preventDefault();
    const [since, until] = [event.target.since.value, event.target.until.value].sort();
    close();
    location.assign(address(since, until));
  };
  return html`
    <a ref=${first} href="/api/report.pdf" onClick=${close}>Latest week<small>The last seven days with data</small></a>
    <a href=${address(back(0), back(0))} onClick=${close}>Today</a>
    <a href=${address(back(29), back(0))} onClick=${close}>Last 30 days</a>
    <form onSubmit=${choose}>
      <label>From <input type="date" name="since" required defaultValue=${back(6)} /></label>
      <label>To <input type="date" name="until" required defaultValue=${back(0)} /></label>
      <button>Download PDF</button>
    </form>`;
}
