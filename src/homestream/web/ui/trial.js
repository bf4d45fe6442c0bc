// Try a rule: what it would have raised on this home's own history. Loaded when first asked for.
import { useEffect, useMemo, useRef, useState } from "./vendor/hooks.js";
import { render } from "./vendor/preact.js";
import { signal } from "./vendor/signals.js";
import { ask, get, query } from "./api.js";
import { Chart } from "./chart.js";
import { Filters } from "./filters.js";
import { date, decimal, full, second } from "./format.js";
import { useHistory } from "./history.js";
import { html } from "./html.js";
import { devices } from "./live.js";
import { metric } from "./metrics.js";

const PATH = "/api/backtest";
const POLL_MS = 500;
const DAY_MS = 86_400_000;
const PAGE = 20;
const POINTS = 900;
const LEAST_AROUND_MS = 1_800_000; // a short alert is shown with half an hour on each side
const NARROW = 20; // data in a twentieth of the time asked for are asked for again, closer

const open = signal(false);
const text = signal("");
const state = signal({});
const failed = signal("");

await new Promise((done) => {
  const sheet = Object.assign(document.createElement("link"), { rel: "stylesheet", href: "/trial.css", onload: done, onerror: done });
  document.head.append(sheet);
});
render(html`<${Trial} />`, document.body.appendChild(document.createElement("div")));

export function show() {
  text.value ||= example();
  open.value = true;
  follow();
}

// A rule about a device of this home.
function example() {
  const meter = devices.value.find((one) => one.commands.includes("switch") && one.metrics.includes("power"));
  const id = (meter ?? devices.value.find((one) => one.metrics.includes("power")))?.id ?? "laundry/iron";
  const named = /^\w[\w/:-]*$/.test(id) ? id : `"${id}"`;
  const off = meter ? `\ndo    = ['turn off ${named}']` : "";
  return `[[rule]]\nname  = "Left on"\nwhen  = '${named}.power > 1000'\nuntil = '${named}.power < 50'\nfor   = "10m"${off}\n`;
}

let waiting;

// Where it is, again and again while it runs.
async function follow(asking = get(PATH)) {
  clearTimeout(waiting);
  try {
    state.value = await asking;
    failed.value = state.value.error ?? "";
    if (state.value.running && open.value) waiting = setTimeout(follow, POLL_MS);
  } catch (error) {
    failed.value = error.message;
  }
}

const begin = (rules, days) =>
  follow(ask(PATH, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ rules, days }) }));

function Trial() {
  return open.value && html`<${Dialog} />`;
}

function Dialog() {
  const node = useRef();
  useEffect(() => node.current.showModal(), []);
  const { running, result } = state.value;
  const send = (event) => {
    event.preventDefault();
    begin(text.value, Number(event.target.days.value));
  };
  return html`
    <dialog class="trial" ref=${node} aria-label="Try a rule" onClose=${() => (open.value = false)}>
      <div class="card-head">
        <h2>Try a rule <small>on this home's own history; nothing is sent or switched</small></h2>
        <span class="space"></span>
        <button class="soft" onClick=${() => node.current.close()}>Close</button>
      </div>
      <form onSubmit=${send}>
        <label for="trial-rule">Rule</label>
        <textarea id="trial-rule" required maxlength="100000" spellcheck=${false} autocapitalize="off" value=${text} onInput=${(event) => (text.value = event.target.value)} />
        <div class="card-head">
          <label>Last <input name="days" type="number" min="1" max="36500" required defaultValue="90" /> days</label>
          <button class="soft" disabled=${running}>Try it</button>
          ${running && html`<${Progress} />`}
        </div>
      </form>
      ${failed.value && !running && html`<p class="wrong" role="alert">${failed}</p>`}
      ${result && !running && result.rules.map((rule) => html`<${Rule} key=${rule.rule} rule=${rule} since=${result.since} until=${result.until} />`)}
    </dialog>`;
}

function Progress() {
  const { done = 0, total = 0 } = state.value;
  return html`
    <progress aria-label="History looked at" max="1" value=${total ? done / total : undefined} />
    <span class="muted">${total ? `${Math.floor((done / total) * 100)} %` : "Reading"}</span>
    <button class="soft" type="button" onClick=${() => follow(ask(PATH, { method: "DELETE" }))}>Cancel</button>`;
}

function Rule({ rule, since, until }) {
  const [shown, more] = useState(PAGE);
  const [picked, pick] = useState(null);
  const newest = useMemo(() => [...rule.alerts].reverse(), [rule]);
  const [head, ...hints] = rule.says;
  return html`
    <section aria-label=${rule.rule}>
      <h3>${rule.rule}</h3>
      <p role="status"><b>${head}</b></p>
      ${hints.map((hint) => html`<p class="muted">${hint}</p>`)}
      ${rule.alerts.length > 0 && html`<${Marked} alerts=${rule.alerts} since=${since ?? rule.alerts[0].opened} until=${until} picked=${picked} back=${() => pick(null)} />`}
      <ul class="marked">${newest.slice(0, shown).map((alert) => html`
        <li class=${alert.severity}>
          <button class="body" aria-pressed=${String(alert === picked)} onClick=${() => pick(alert)}>
            ${alert.text}${alert.late && " (learned late)"}
            <small>${full(alert.opened)} · ${alert.ended === null ? "still open at the end" : `until ${full(alert.ended)}`}</small>
            ${alert.evidence.map((one) => html`<small>${one.device} ${metric(one.metric).label.toLowerCase()} ${one.value === null ? "unknown" : metric(one.metric).text(one.value)} at ${second(one.time)}</small>`)}
            <small>${alert.effects.length ? `Would have: ${alert.effects.join(", ")}` : "Would have sent nothing"}</small>
          </button>
        </li>`)}</ul>
      ${newest.length > shown && html`<button class="more" onClick=${() => more(shown + 5 * PAGE)}>Show more of ${newest.length}</button>`}
    </section>`;
}

// The series that opened the alerts, with each alert marked; one picked is shown close up.
function Marked({ alerts, since, until, picked, back }) {
  const all = useMemo(() => {
    const found = alerts.flatMap((alert) => alert.evidence.map((one) => [JSON.stringify([one.device, one.metric]), `${one.device} ${metric(one.metric).label.toLowerCase()}`]));
    return [...new Map(found)];
  }, [alerts]);
  const [chosen, choose] = useState(null);
  const own = picked?.evidence[0];
  const series = chosen ?? (own ? JSON.stringify([own.device, own.metric]) : all[0]?.[0]);
  useEffect(() => choose(null), [picked]);
  const end = picked && (picked.ended ?? until);
  const around = picked && Math.max(LEAST_AROUND_MS, end - picked.opened);
  if (!series) return null;
  const [from, to] = picked ? [picked.opened - around, end + around] : [since, until + 1];
  return html`
    ${all.length > 1 && html`<${Filters} small name="Series" choices=${all} chosen=${series} choose=${choose} />`}
    <${Past} key=${`${series} ${from} ${to}`} series=${JSON.parse(series)} alerts=${alerts} since=${from} until=${to} />
    ${picked && html`<button class="more" onClick=${back}>Show all of the time</button>`}`;
}

function Past({ series: [device, name], alerts, since, until }) {
  const asked = (from) => query("/api/history/series", { device, metric: name, since: Math.floor(from), until: Math.ceil(until), points: POINTS });
  const whole = useHistory(asked(since));
  const first = whole.data?.rows[0]?.time;
  const closer = first > until - (until - since) / NARROW;
  const close = useHistory(closer ? asked(first) : null);
  const data = closer ? close.data : whole.data;
  const drawn = useMemo(() => data && [data.rows.map((row) => row.time / 1000), data.rows.map((row) => row.mean)], [data]);
  const error = whole.error || close.error;
  if (error) return html`<p class="empty">${error}</p>`;
  if (!drawn) return html`<div class="chart tall" />`;
  if (drawn[0].length < 2) return html`<p class="empty">No history of ${device} in this time.</p>`;
  const says = until - since > 2 * DAY_MS ? date : full;
  const label = `${device} ${metric(name).label.toLowerCase()}, ${says(data.rows[0].time)} to ${says(until)}, with ${alerts.length} alerts marked`;
  return html`<${Chart} tall data=${drawn} text=${decimal} way="steps" label=${label} ready=${(plot) => mark(plot, alerts, device)} />`;
}

// A band over the chart for each alert in sight; in %, so that it stays where it belongs at any width.
function mark(plot, alerts, device) {
  const { min, max } = plot.scales.x;
  const share = (ms) => Math.min(Math.max((ms / 1000 - min) / (max - min), 0), 1) * 100;
  for (const alert of alerts) {
    const [left, right] = [share(alert.opened), alert.ended === null ? 100 : share(alert.ended)];
    const inSight = alert.opened / 1000 <= max && (alert.ended ?? Infinity) / 1000 >= min;
    if (!inSight || !alert.evidence.some((one) => one.device === device)) continue;
    const band = Object.assign(document.createElement("i"), { className: `band ${alert.severity}` });
    Object.assign(band.style, { left: `${left}%`, width: `${right - left}%` });
    plot.over.append(band);
  }
}
