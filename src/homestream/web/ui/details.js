// One device, whole: every metric, a day of one of them, and what can be set. Loaded when first asked for.
import { useEffect, useRef, useState } from "./vendor/hooks.js";
import { render } from "./vendor/preact.js";
import { signal } from "./vendor/signals.js";
import { post, query } from "./api.js";
import { Chart } from "./chart.js";
import { clock, decimal, moment } from "./format.js";
import { useHistory } from "./history.js";
import { html } from "./html.js";
import { devices, now, reading } from "./live.js";
import { metric, roomName } from "./metrics.js";
import { address, said } from "./tiles.js";

const DAY_MS = 86_400_000;
const RANGES = { brightness: [0, 100, 1], position: [0, 100, 1], setpoint: [5, 30, 0.5] };

const open = signal(null); // [device id, metric]

const root = document.body.appendChild(document.createElement("div"));
render(html`<${Details} />`, root);

export const show = (device, name) => (open.value = [device, name]);

function Details() {
  const [id, name] = open.value ?? [];
  const device = devices.value.find((one) => one.id === id);
  return device ? html`<${Dialog} key=${id} device=${device} name=${name} />` : null;
}

function Dialog({ device, name }) {
  const node = useRef();
  const [chosen, choose] = useState(name);
  useEffect(() => node.current.showModal(), []);
  const sets = device.commands.filter((one) => RANGES[one]);
  const outside = (event) => event.target === node.current && node.current.close();
  return html`
    <dialog ref=${node} aria-label=${device.name} onClose=${() => (open.value = null)} onClick=${outside}>
      <div class="card-head">
        <h2>${device.name} <small>${roomName(device.room)} · ${device.id}</small></h2>
        <span class="space"></span>
        <button class="soft" onClick=${() => node.current.close()}>Close</button>
      </div>
      ${sets.map((one) => html`<${Control} key=${one} device=${device} name=${one} />`)}
      <${Day} device=${device.id} name=${chosen} />
      <div class="list">
        ${device.metrics.map((one) => {
          const shown = said(device, one);
          return html`
            <button onClick=${() => choose(one)} aria-pressed=${String(one === chosen)}>${metric(one).label}</button>
            <b>${shown.text}</b><span class="muted">${shown.known ? moment(shown.time, now.peek()) : ""}</span>`;
        })}
      </div>
    </dialog>`;
}

function Day({ device, name }) {
  const [until] = useState(now.peek() + 1000);
  const { data, error } = useHistory(query("/api/history/series", { device, metric: name, since: until - DAY_MS, until, points: 500 }));
  if (error) return html`<p class="empty">${error}</p>`;
  if (!data) return html`<div class="chart tall"></div>`;
  if (!data.rows.length) return html`<p class="empty">No history of ${metric(name).label.toLowerCase()} in the last 24 h.</p>`;
  const drawn = [data.rows.map((row) => row.time / 1000), data.rows.map((row) => row.mean)];
  return html`<${Chart} key=${name} tall data=${drawn} text=${axis(name)} way="steps" label=${`${metric(name).label}, the last 24 hours, since ${clock(until - DAY_MS)}`} />`;
}

// A state has no halves, though a mean of it may.
const axis = (name) => (metric(name).off ? (value) => (value === 0 || value === 1 ? metric(name).text(value) : "") : decimal);

function Control({ device, name }) {
  const [low, high, step] = RANGES[name];
  const held = reading(device.id, name).value?.[1];
  const [wanted, want] = useState(null);
  const value = wanted ?? held ?? low;
  const set = async (event) => {
    await post(address(device), { metric: name, value: Number(event.target.value) });
    want(null);
  };
  return html`
    <label class="control">${metric(name).label}
      <input type="range" min=${low} max=${high} step=${step} value=${value} onInput=${(event) => want(Number(event.target.value))} onChange=${set} />
      <b>${metric(name).text(value)}</b>
    </label>`;
}
