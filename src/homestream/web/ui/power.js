// Power now: the mains meter, or where there is none the sum of what is measured.
import { useEffect, useMemo, useRef, useState } from "./vendor/hooks.js";
import { computed, effect } from "./vendor/signals.js";
import { get, query } from "./api.js";
import { Chart } from "./chart.js";
import { Filters } from "./filters.js";
import { days, integer, moment, second, watts } from "./format.js";
import { useHistory } from "./history.js";
import { html } from "./html.js";
import { blind, devices, key, link, now, reading } from "./live.js";

const WINDOWS = [[600_000, "10 min"], [3_600_000, "1 h"], [86_400_000, "24 h"]];
// Redrawing more often is not seen; 24 h of one meter each 5 s fits.
const REDRAW_MS = 250;
const KEPT = 20_000;
const DAY_MS = 86_400_000;

const meters = computed(() => {
  const all = devices.value.filter((device) => device.metrics.includes("power"));
  const mains = all.filter((device) => device.mains);
  return mains.length ? mains : all.filter((device) => !device.apart);
});

// [time, W or null] of the meters together; null where one of the mains, or every other meter, is unknown.
const power = computed(() => {
  const held = meters.value.map(({ id }) => [reading(id, "power").value, blind.value.has(key(id, "power"))]);
  const known = held.filter(([at, unknown]) => at && at[1] !== null && !unknown).map(([at]) => at);
  const time = held.reduce((latest, [at]) => Math.max(latest, at?.[0] ?? 0), 0);
  const enough = meters.value[0]?.mains ? known.length === held.length : known.length;
  return [time, enough ? known.reduce((sum, at) => sum + at[1], 0) : null];
});

const text = (value) => integer(value);

export function Power() {
  const [span, choose] = useState(WINDOWS[0][0]);
  const [data, draw] = useState([[], []]);
  const [over, point] = useState(null);
  const points = useRef([]);
  const single = meters.value.length === 1 ? meters.value[0].id : null;

  useEffect(() => {
    let wanted = true;
    points.current = [];
    if (single !== null) {
      const until = now.peek() + 1000;
      get(query("/api/history/series", { device: single, metric: "power", since: until - span, until, points: 600 })).then(({ rows }) => {
        if (!wanted) return;
        const first = points.current[0]?.[0] ?? Infinity;
        points.current = [...rows.map((row) => [row.time, row.mean]).filter(([time]) => time < first), ...points.current];
      }, () => {}); // no history yet: the chart begins now
    }
    const stop = effect(() => {
      const [time, value] = power.value;
      const last = points.current.at(-1);
      if (time && (!last || time >= last[0])) points.current.push([time, value]);
      if (points.current.length > KEPT) points.current.splice(0, KEPT / 10);
    });
    const timer = setInterval(() => {
      const from = now.peek() - span;
      const shown = points.current.filter(([time]) => time >= from);
      draw([shown.map(([time]) => time / 1000), shown.map(([, value]) => value)]);
    }, REDRAW_MS);
    return () => {
      wanted = false;
      stop();
      clearInterval(timer);
    };
  }, [single, span]);

  const [time, value] = power.value;
  const pick = useMemo(() => (index) => point(index), []);
  const pointed = (data[1][over] ?? null) !== null;
  return html`
    <section class="card wide stretch power live-part" aria-label="Power now">
      <div class="card-head">
        <h2>Power now</h2>
        ${meters.value.length > 0 && html`<span class="big" data-power>${value === null ? "Unknown" : watts(value)}</span>`}
        <small class="muted">${link.value === "lost" && time ? `as of ${second(time)}` : ""}${pointed ? `${watts(data[1][over])} at ${second(data[0][over] * 1000)}` : ""}</small>
        <span class="space"></span>
        ${meters.value.length > 0 && html`<${Filters} small name="Time shown" choices=${WINDOWS} chosen=${span} choose=${choose} />`}
      </div>
      ${meters.value.length
        ? html`<${Chart} data=${data} text=${text} way="steps" floor=${0} pick=${pick} label=${`Power over the last ${WINDOWS.find(([ms]) => ms === span)[1]}`} />`
        : html`<${Past} />`}
      ${value === null && time > 0 && html`<p class="foot">No data since ${moment(time, now.peek())}</p>`}
    </section>`;
}

// Where nothing is live, the last 24 hours that were measured.
function Past() {
  const { data } = useHistory("/api/history/hogs");
  const meter = data?.rows.find((row) => row.mains) ?? data?.rows[0];
  const asked = (since, until) => meter && until ? query("/api/history/series", { device: meter.device, metric: "power", since, until, points: 600 }) : null;
  const { data: week } = useHistory(asked(data?.since, data?.until));
  const last = week?.rows.at(-1)?.time;
  const { data: past } = useHistory(last ? asked(last - DAY_MS, Math.min(last + DAY_MS / 24, data.until)) : null);
  const drawn = useMemo(() => past && [past.rows.map((row) => row.time / 1000), past.rows.map((row) => row.mean)], [past]);
  if (drawn?.[0].length > 1) {
    return html`<p class="muted">No meter is live. ${meter.name}, ${days(drawn[0][0] * 1000, drawn[0].at(-1) * 1000 + 1)}, in W:</p><${Chart} data=${drawn} text=${text} way="steps" floor=${0} label="Power in the last 24 hours measured" />`;
  }
  return html`<p class="empty">No meter speaks. A device with <code>power</code> shows here; mark the home's own with <code>mains = true</code> in <code>home.toml</code>.</p>`;
}
