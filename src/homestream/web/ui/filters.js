// A row of choices, one of them chosen.
import { html } from "./html.js";

export const PERIODS = [["day", "Day"], ["week", "Week"], ["month", "Month"]];

export function Filters({ name, choices, chosen, choose, small }) {
  return html`
    <div class=${small ? "filters small" : "filters"} role="group" aria-label=${name}>
      ${choices.map(([value, text]) => html`
        <button class="filter" aria-pressed=${String(value === chosen)} onClick=${() => choose(value)}>${text}</button>`)}
    </div>`;
}
