// Energy hogs: who used most, against the period before.
import { useState } from "./vendor/hooks.js";
import { query } from "./api.js";
import { Filters, PERIODS } from "./filters.js";
import { days, decimal, money, percent } from "./format.js";
import { useHistory } from "./history.js";
import { html } from "./html.js";
import { home } from "./live.js";
import { roomName } from "./metrics.js";

const SHOWN = 8;
const LEAST_KWH = 0.005; // less reads as 0

export function Hogs() {
  const [by, choose] = useState("week");
  const { data, error } = useHistory(query("/api/history/hogs", { by }));
  const devices = data?.rows.filter((row) => !row.mains && row.kwh >= LEAST_KWH) ?? [];
  const names = devices.map((row) => row.name);
  const named = (row) => (row.room && names.indexOf(row.name) !== names.lastIndexOf(row.name) ? `${roomName(row.room)} ${row.name.toLowerCase()}` : row.name);
  const most = Math.max(...devices.map((row) => row.kwh), 0.001);
  return html`
    <section class="card" aria-label="Energy hogs">
      <div class="card-head">
        <h2>Energy hogs <small>kWh${data ? `, ${days(data.since, data.until)}` : ""}</small></h2>
        <span class="space"></span>
        <${Filters} small name="Period" choices=${PERIODS} chosen=${by} choose=${choose} />
      </div>
      ${error && html`<p class="empty">${error}</p>`}
      ${data && !devices.length && html`<p class="empty">No device has reported energy or power in this time.</p>`}
      <ul class="hogs">${devices.slice(0, SHOWN).map((row) => html`<${Hog} key=${row.device} row=${row} name=${named(row)} most=${most} />`)}</ul>
      ${devices.length > 0 && html`<${Foot} ...${data.home} />`}
    </section>`;
}

function Hog({ row, name, most }) {
  const change = row.change_pct;
  const rise = change > 0.5 ? "more-than" : change < -0.5 ? "less-than" : "";
  const cost = currency(row.cost);
  const standby = row.standby ? `, ${(row.standby * 100).toFixed(0)} % of it standby` : "";
  const sure = row.error_kwh > row.kwh / 20 ? `, ± ${decimal(row.error_kwh)} kWh` : "";
  return html`
    <li title=${`${row.name}${row.room ? `, ${roomName(row.room)}` : ""}: ${cost}${standby}${sure}`}>
      <span class="name">${name}</span>
      <span class="meter" aria-hidden="true"><i style=${{ width: `${Math.max((row.kwh / most) * 100, 1.5)}%` }} /></span>
      <span class="kwh">${decimal(row.kwh)}</span>
      <span class=${`change ${rise}`}>${change === null ? "–" : percent(change)}</span>
    </li>`;
}

const currency = (cost) => money(cost, home.value?.currency ?? "EUR");

// All together; what the mains counted beyond the devices is untracked.
function Foot({ kwh, cost, untracked }) {
  return html`<p class="foot">${decimal(kwh)} kWh in all, ${currency(cost)}${untracked > 0 ? ` · ${decimal(untracked)} kWh untracked` : ""}</p>`;
}
