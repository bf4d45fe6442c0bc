// Room climate: each room's mean by hour of the day, cool to warm or dry to damp.
import { useState } from "./vendor/hooks.js";
import { query } from "./api.js";
import { Filters } from "./filters.js";
import { days } from "./format.js";
import { useHistory } from "./history.js";
import { html } from "./html.js";
import { home } from "./live.js";
import { roomName } from "./metrics.js";

const METRICS = [["temperature", "°C"], ["humidity", "%"], ["carbon_dioxide", "CO₂"]];
const UNITS = { temperature: "°C", humidity: "%", carbon_dioxide: "ppm" };
const DIGITS = { temperature: 1, humidity: 0, carbon_dioxide: 0 };
const HOURS = [...Array(24).keys()];

export function Climate() {
  const [metric, choose] = useState("temperature");
  const { data, error } = useHistory(query("/api/history/climate", { metric }));
  const rows = data?.rows ?? [];
  const place = (room) => (home.value.rooms.indexOf(room) + 1 || Infinity);
  const rooms = [...new Set(rows.map((row) => row.room))].sort((a, b) => place(a) - place(b) || 0);
  const unit = UNITS[metric];
  return html`
    <section class="card" aria-label="Room climate">
      <div class="card-head">
        <h2>Room climate <small>${unit} by hour${data ? `, ${days(data.since, data.until)}` : ""}</small></h2>
        <span class="space"></span>
        <${Filters} small name="Measure" choices=${METRICS} chosen=${metric} choose=${choose} />
      </div>
      ${error && html`<p class="empty">${error}</p>`}
      ${data && !rooms.length && html`<p class="empty">No room has reported this yet. An hour's mean appears when the hour is over.</p>`}
      ${rooms.length > 0 && html`<${Heat} rows=${rows} rooms=${rooms} unit=${unit} digits=${DIGITS[metric]} />`}
    </section>`;
}

function Heat({ rows, rooms, unit, digits }) {
  const at = new Map(rows.map((row) => [`${row.room} ${row.hour}`, row.value]));
  const sorted = [...at.values()].sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  // One freezing garden must not make all rooms look the same: the scale ends at the 5th and 95th percentile.
  const reach = Math.max(middle - sorted[Math.floor(sorted.length * 0.05)], sorted[Math.ceil(sorted.length * 0.95) - 1] - middle, 0.5);
  return html`
    <table class="climate">
      <caption class="hidden">Mean by room and hour of the day, ${unit}</caption>
      <colgroup><col class="label" /></colgroup>
      <tbody>
        ${rooms.map((room) => html`
          <tr key=${room}>
            <th scope="row">${roomName(room)}</th>
            ${HOURS.map((hour) => html`<${Cell} value=${at.get(`${room} ${hour}`)} says=${`${roomName(room)} ${hour}:00`} middle=${middle} reach=${reach} unit=${unit} digits=${digits} />`)}
          </tr>`)}
      </tbody>
      <tfoot aria-hidden="true"><tr><td></td>${[0, 6, 12, 18].map((hour) => html`<td colspan="6">${hour}:00</td>`)}</tr></tfoot>
    </table>
    <p class="foot">${sorted[0].toFixed(digits)} to ${sorted.at(-1).toFixed(digits)} ${unit}</p>`;
}

function Cell({ value, says, middle, reach, unit, digits }) {
  if (value === undefined || value === null) return html`<td class="none" title=${`${says}: nothing known`}></td>`;
  const share = Math.max(-1, Math.min(1, (value - middle) / reach));
  const hue = share < 0 ? "--blue" : "--red";
  const background = `color-mix(in oklab, var(${hue}) ${(Math.abs(share) * 85).toFixed(0)}%, var(--raised))`;
  return html`<td style=${{ background }} title=${`${says}: ${value.toFixed(digits)} ${unit}`}><span class="hidden">${value.toFixed(digits)}</span></td>`;
}
