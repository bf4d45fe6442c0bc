// Icons as SVG paths, 24 by 24; drawn here, filled or stroked with the current colour.
import { html } from "./html.js";

const SHAPES = {
  bulb: ["fill", "M12 2.5a6.8 6.8 0 0 0-3.9 12.4c.5.4.8.9.8 1.5h6.2c0-.6.3-1.1.8-1.5A6.8 6.8 0 0 0 12 2.5ZM9.4 18h5.2v1.4a1 1 0 0 1-1 1H13a1 1 0 0 1-2 0h-.6a1 1 0 0 1-1-1Z"],
  bolt: ["fill", "M13.6 2 4.5 13.4h6L9.8 22l9.7-12.2h-6.4Z"],
  thermometer: ["fill", "M12 2a2.8 2.8 0 0 0-2.8 2.8v8.6a4.9 4.9 0 1 0 5.6 0V4.8A2.8 2.8 0 0 0 12 2Z"],
  drop: ["fill", "M12 2.8c3.1 3.6 6.2 7.4 6.2 11a6.2 6.2 0 0 1-12.4 0c0-3.6 3.1-7.4 6.2-11Z"],
  sun: ["line", "M12 7.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9ZM12 2.5v5M12 16.5v5M2.5 12h5M16.5 12h5"],
  walk: ["line", "M13.5 3.2a1.3 1.3 0 1 1 0 2.6 1.3 1.3 0 0 1 0-2.6ZM9 21l2-5 .8-7.5-3.3 1.5-1 3M11.8 8.5l2.6 3.5 3 .8M11.3 14.5l3.2 2.5.7 4"],
  door: ["line", "M6 21V4.5L15 3v18M4 21h16M18.5 21V5.5H15M11.8 12v.1"],
  window: ["line", "M4.5 4h15v16h-15ZM12 4v16M4.5 12h15"],
  flame: ["fill", "M12.5 2c.6 3.6 5.5 6.3 5.5 11.5a6 6 0 0 1-12 0c0-2.5 1.3-4 2.6-5.5.3 1.5.9 2.3 1.7 2.8C10.2 7.5 10.8 4.5 12.5 2Z"],
  cloud: ["fill", "M7.5 19a4.5 4.5 0 0 1-.7-8.95 5.5 5.5 0 0 1 10.6 1A4 4 0 0 1 17 19Z"],
  gauge: ["line", "M4 17a8.5 8.5 0 1 1 16 0M12 16l4-5"],
  person: ["fill", "M12 3.5a4 4 0 1 1 0 8 4 4 0 0 1 0-8ZM4.5 20.5a7.5 7 0 0 1 15 0Z"],
  leak: ["line", "M12 3.5c2.5 3 4.5 5.5 4.5 8.2a4.5 4.5 0 0 1-9 0c0-2.7 2-5.2 4.5-8.2ZM3.5 20c2-1.5 3.5-1.5 5.7 0s3.7 1.5 5.7 0 3.5-1.5 5.6 0"],
  warning: ["line", "M12 4 2.8 20h18.4ZM12 10v4.5M12 17.3v.1"],
  shield: ["fill", "M12 2.5 4.5 5v6.5c0 4.8 3 8.3 7.5 10 4.5-1.7 7.5-5.2 7.5-10V5Z"],
};

export function Icon({ name }) {
  const [way, path] = SHAPES[name] ?? SHAPES.gauge;
  const paint = way === "fill" ? { fill: "currentColor", "fill-rule": "evenodd" }
    : { fill: "none", stroke: "currentColor", "stroke-width": 1.9, "stroke-linecap": "round", "stroke-linejoin": "round" };
  return html`<svg viewBox="0 0 24 24" aria-hidden="true"><path d=${path} ...${paint} /></svg>`;
}
