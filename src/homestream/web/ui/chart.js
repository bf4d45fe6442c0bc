// A series over time, as line or as bars: uPlot, in the page's colours and the home's time zone.
import { useEffect, useRef } from "./vendor/hooks.js";
import uPlot from "./vendor/uplot.js";
import { clock, day, sameDay, second } from "./format.js";
import { html } from "./html.js";
import { theme } from "./theme.js";

const DAY_S = 86_400;
const NARROWEST = 0.5; // a steady 21.3 °C is a line, not noise that fills the chart

const PATHS = {
  line: uPlot.paths.linear(),
  steps: uPlot.paths.stepped({ align: 1 }), // a value holds until the next
  bars: uPlot.paths.bars({ size: [0.72, 90], radius: 0.06 }),
};

function options(node, { text, floor, way = "line", names, pick, ready }) {
  const colour = (name) => {
    // light-dark() is settled only where a colour is used, so let the browser use it.
    node.style.color = `var(${name})`;
    const settled = getComputedStyle(node).color;
    node.style.color = "";
    return settled;
  };
  const bars = way === "bars";
  const axis = {
    stroke: colour("--muted"), font: `11px ${getComputedStyle(node).fontFamily}`, ticks: { show: false }, gap: 6,
  };
  const grid = { stroke: colour("--line"), width: 1 };
  const line = colour("--amber");
  return {
    width: node.clientWidth, height: node.clientHeight, padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { x: !bars, y: false, points: { show: !bars, size: 7 }, drag: { x: false } },
    scales: {
      x: { time: !bars, range: bars ? (_, low, high) => [low - 0.5, high + 0.5] : undefined },
      y: { range: (_, low, high) => span(low, high, floor) },
    },
    axes: [
      names
        ? { ...axis, size: 26, grid: { show: false }, splits: (u) => u.data[0], space: 44, filter: thinned, values: (_, at) => at.map((n) => (n === null ? null : names(n))) }
        : { ...axis, size: 26, grid, space: 90, values: (_, at) => at.map((s) => time(s * 1000, at)) },
      { ...axis, size: 46, grid, space: 34, values: (_, at) => at.map(text) },
    ],
    series: [
      {},
      { stroke: bars ? undefined : line, width: 1.6, fill: bars ? line : line.replace(")", ", 0.16)").replace("rgb(", "rgba("), points: { show: false }, paths: PATHS[way] },
    ],
    hooks: { setCursor: [(u) => pick?.(u.cursor.idx)], ready: [(u) => ready?.(u)] },
  };
}

// As many names as fit, evenly; uPlot leaves out what is null.
function thinned(u, at, _axis, space) {
  const every = Math.ceil(space / (u.bbox.width / devicePixelRatio / at.length));
  return at.map((n, index) => (index % every ? null : n));
}

function span(low, high, floor) {
  if (low === null) return [floor ?? 0, 1];
  if (floor !== undefined) return [Math.min(floor, low), high > floor ? high * 1.08 : floor + 1];
  const room = Math.max(high - low, NARROWEST) * 0.15;
  return [low - room, high + room];
}

function time(ms, at) {
  const step = at.length > 1 ? at[1] - at[0] : 60;
  if (step < 60) return second(ms);
  if (step >= DAY_S || (clock(ms) === "00:00" && !sameDay(at[0] * 1000, ms))) return day(ms);
  return clock(ms);
}

// `data` is [seconds, values], for bars [0 to n-1, values]; null is a gap. `way`: line, steps or bars.
// `pick` hears the index under the pointer, null when it leaves; `names` says a bar's name by its index;
// `ready` hears the uPlot once it is drawn.
export function Chart({ data, label, tall, ...made }) {
  const node = useRef();
  const plot = useRef();
  useEffect(() => {
    const box = node.current;
    const drawn = (plot.current = new uPlot(options(box, made), data, box));
    const watch = new ResizeObserver(() => drawn.setSize({ width: box.clientWidth, height: box.clientHeight }));
    watch.observe(box);
    return () => {
      watch.disconnect();
      drawn.destroy();
    };
  }, [theme.value, made.names]);
  useEffect(() => plot.current.setData(data), [data]);
  return html`<div class=${tall ? "chart tall" : "chart"} ref=${node} role="img" aria-label=${label}></div>`;
}
