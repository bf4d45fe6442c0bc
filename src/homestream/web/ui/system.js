// The system about itself: does it keep up, and do the books add up.
import { bytes, decimal, integer } from "./format.js";
import { useHistory } from "./history.js";
import { html } from "./html.js";

const REFRESH_S = 5;
const BOOKS = ["received", "stored", "duplicate", "rejected", "late"];

export function System() {
  const { data, error } = useHistory("/api/status", REFRESH_S);
  return html`
    <section class="card" aria-label="System">
      <div class="card-head"><h2>System</h2></div>
      ${error && html`<p class="empty">${error}</p>`}
      ${data && html`<${Figures} status=${data} /><${Books} sources=${data.accounts} />`}
    </section>`;
}

function Figures({ status }) {
  const ms = (value) => (value === null || value === undefined ? "–" : `${decimal(value)} ms`);
  const figures = [
    ["Rate", `${decimal(status.rate ?? 0)} /s`],
    ["Latency p50", ms(status.p50_ms)],
    ["Latency p99", ms(status.p99_ms)],
    ["Log", bytes(status.log_bytes ?? 0)],
    ["Lake", bytes(status.lake_bytes ?? 0)],
    ["Memory", bytes(status.rss_bytes ?? 0)],
  ];
  return html`<dl class="figures">${figures.map(([name, text]) => html`<div><dt>${name}</dt><dd>${text}</dd></div>`)}</dl>`;
}

function Books({ sources }) {
  const all = Object.fromEntries(BOOKS.map((name) => [name, sources.reduce((sum, row) => sum + row[name], 0)]));
  const adds = all.received === all.stored + all.duplicate + all.rejected;
  return html`
    <p class="sum"><b>${integer(all.received)}</b> received = <b>${integer(all.stored)}</b> stored + <b>${integer(all.duplicate)}</b> duplicate + <b>${integer(all.rejected)}</b> rejected
      <span class=${adds ? "less-than" : "more-than"}>${adds ? " ✓ adds up" : " does not add up"}</span></p>
    ${sources.length > 0 && html`
      <div class="sheet"><table class="books">
        <thead><tr><th scope="col">Source</th>${BOOKS.slice(1).map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
        <tbody>${sources.map((row) => html`<tr><td>${row.source}</td>${BOOKS.slice(1).map((name) => html`<td>${integer(row[name])}</td>`)}</tr>`)}</tbody>
      </table></div>`}`;
}
