// Consumption over time: a day by hour, a week or a month by day; back and forth by whole periods.
import { useMemo, useState } from "./vendor/hooks.js";
import { query } from "./api.js";
import { Chart } from "./chart.js";
import { Filters, PERIODS } from "./filters.js";
import { clock, day, days, decimal, percent, weekday } from "./format.js";
import { useHistory } from "./history.js";
import { html } from "./html.js";
import { now } from "./live.js";

const STEP_MS = { hour: 3_600_000, day: 86_400_000 };
const HALF_DAY_MS = 43_200_000; // a period with a clock change is an hour longer or shorter than the next

export function Consumption() {
  const [by, choose] = useState("week");
  const [until, go] = useState(null);
  const { data, error } = useHistory(query("/api/history/consumption", until === null ? { by } : { by, until }));
  const partial = data && data.until > now.peek(); // a period that still runs is no match for a whole one
  const before = sum(data?.earlier);
  return html`
    <section class="card wide" aria-label="Consumption">
      <div class="card-head">
        <h2>Consumption</h2>
        ${data && html`<span class="big">${decimal(sum(data.rows))} kWh</span>
          <small class="muted">${days(data.since, data.until)}${before > 0 && !partial ? ` · ${percent((sum(data.rows) / before - 1) * 100)} on the period before` : ""}</small>`}
        <span class="space"></span>
        <${Filters} small name="Period" choices=${PERIODS} chosen=${by} choose=${(value) => { choose(value); go(null); }} />
        <span class="filters">
          <button class="soft" aria-label="Earlier" disabled=${!data} onClick=${() => go(data.since)}>‹</button>
          <button class="soft" aria-label="Later" disabled=${!data || partial} onClick=${() => go(2 * data.until - data.since - HALF_DAY_MS)}>›</button>
        </span>
      </div>
      ${error ? html`<p class="empty">${error}</p>` : !data && html`<div class="chart" />`}
      ${data && !data.rows.length && html`<p class="empty">Nothing measured in this time. Energy counters and power meters are added up here.</p>`}
      ${data && data.rows.length > 0 && html`<${Bars} data=${data} by=${by} />`}
    </section>`;
}

const sum = (rows) => (rows ?? []).reduce((all, row) => all + (row.kwh ?? 0), 0);

// One slot an hour or a day, also where nothing is known, so that a gap is seen as one.
function slots({ since, until, step, rows }) {
  const count = Math.round((until - since) / STEP_MS[step]);
  const width = (until - since) / count;
  const all = Array.from({ length: count }, (_, n) => ({ start: since + n * width, kwh: null }));
  for (const row of rows) {
    const n = Math.round((row.start - since) / width);
    if (all[n]) all[n] = row;
  }
  return all;
}

function Bars({ data, by }) {
  const [over, pick] = useState(null);
  const all = useMemo(() => slots(data), [data]);
  const drawn = useMemo(() => [all.map((_, n) => n), all.map((slot) => slot.kwh)], [all]);
  const name = useMemo(() => (n) => (by === "day" ? clock : by === "week" ? weekday : day)(all[n].start), [all]);
  const slot = all[over];
  return html`
    <${Chart} data=${drawn} way="bars" names=${name} floor=${0} text=${decimal} pick=${pick}
      label=${`${days(data.since, data.until)}: ${decimal(sum(data.rows))} kWh`} />
    <p class="foot">${slot ? `${by === "day" ? clock(slot.start) : `${weekday(slot.start)} ${day(slot.start)}`}: ${slot.kwh === null ? "nothing known" : `${decimal(slot.kwh)} kWh${slot.known < 0.95 ? `, of ${Math.round(slot.known * 100)} % of the time` : ""}`}` : `kWh by ${data.step}`}</p>`;
}
