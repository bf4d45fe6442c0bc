// Alerts: what wants to be seen first comes first.
import { useState } from "./vendor/hooks.js";
import { computed } from "./vendor/signals.js";
import { post } from "./api.js";
import { ago, full } from "./format.js";
import { html } from "./html.js";
import { alerts, tenSeconds } from "./live.js";

const WEIGHT = { critical: 0, warning: 1, info: 2 };
const STATE = { opened: 0, acknowledged: 1, cleared: 2 };
const SHOWN = 5;

const sorted = computed(() => [...alerts.value.values()].sort((a, b) =>
  STATE[a.state] - STATE[b.state] || (a.state === "opened" ? WEIGHT[a.severity] - WEIGHT[b.severity] : 0) || b.opened - a.opened));

export const unseen = computed(() => sorted.value.filter((alert) => alert.state === "opened").length);

export function Alerts() {
  const [all, showAll] = useState(false);
  const shown = all ? sorted.value : sorted.value.slice(0, SHOWN);
  return html`
    <section class="card stretch live-part" id="alerts" aria-label="Alerts">
      <p class="hidden" role="status">${unseen.value > 0 ? shown[0].text : ""}</p>
      <div class="card-head"><h2>Alerts</h2>${unseen.value > 0 && html`<span class="big">${unseen.value}</span>`}</div>
      ${!shown.length && html`<p class="empty">No alert. Rules in <code>rules/*.toml</code> say what raises one.</p>`}
      <ul class="marked">${shown.map((alert) => html`<${Alert} key=${alert.id} alert=${alert} />`)}</ul>
      ${sorted.value.length > SHOWN && html`
        <button class="more" onClick=${() => showAll(!all)}>${all ? "Show fewer" : `Show all ${sorted.value.length}`}</button>`}
    </section>`;
}

function Alert({ alert }) {
  const [asked, ask] = useState(false);
  const open = alert.state === "opened";
  const acknowledge = async () => {
    ask(true);
    await post(`/api/alerts/${encodeURIComponent(alert.id)}/acknowledge`);
    ask(false);
  };
  return html`
    <li class=${`${alert.severity} ${open ? "" : "done"}`}>
      <div class="body">${alert.text}<small title=${full(alert.opened)}>${ago(alert.opened, tenSeconds.value)}${alert.late ? " · learned late" : ""}</small></div>
      ${open
        ? html`<button class="soft" disabled=${asked} aria-label=${`Acknowledge: ${alert.text}`} onClick=${acknowledge}>Acknowledge</button>`
        : html`<span class="side">${alert.state === "cleared" ? "Cleared" : "Acknowledged"}</span>`}
    </li>`;
}
