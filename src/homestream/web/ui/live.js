// The home as it is now: one WebSocket, one signal a series, so that a reading redraws one tile.
import { batch, computed, signal } from "./vendor/signals.js";

// {id, name, timezone, rooms}
export const home = signal(null);
export const devices = signal([]);
export const mode = signal("disarmed");
export const occupied = signal(null);
// id -> alert
export const alerts = signal(new Map());
// newest first
export const security = signal([]);
// key(device, metric) -> command
export const commands = signal(new Map());
// key(device, metric) -> {start, why} of the time nothing is known
export const blind = signal(new Map());
// exit, entry -> until when there is time to leave, to disarm
export const delays = signal({});
// the home's clock, ms
export const now = signal(0);
// time of the newest reading
export const heard = signal(0);
// what is wrong with the system itself
export const trouble = signal("");
// connecting, live, lost
export const link = signal("connecting");

// What shows "3 min ago" looks at this one, and is redrawn each ten seconds.
export const tenSeconds = computed(() => Math.floor(now.value / 10_000) * 10_000);

const SECURITY_KEPT = 200;
const SILENCE_MS = 12_000; // the hub sends at least each 5 s
const SLOWEST_RETRY_MS = 15_000;
const LOG_IN = 4401;

export const key = (device, metric) => `${device}\n${metric}`;

const series = new Map();

// The signal of [time, value]; value null = unknown; the signal's value is null before the first reading.
export function reading(device, metric) {
  const id = key(device, metric);
  if (!series.has(id)) series.set(id, signal(null));
  return series.get(id);
}

function put(device, metric, time, value) {
  const held = reading(device, metric);
  if (!held.value || held.value[0] <= time) held.value = [time, value];
  if (value !== null && time > heard.value) heard.value = time;
}

const changed = (held, id, value) => {
  const next = new Map(held.value);
  if (value === undefined) next.delete(id);
  else next.set(id, value);
  held.value = next;
};

const mark = (entry) => entry.hash || `${entry.time} ${entry.kind} ${entry.device}`;

const take = {
  alert: (fact) => changed(alerts, fact.id, fact),
  command: (fact) => changed(commands, key(fact.device, fact.metric), fact),
  blind: (fact) => changed(blind, key(fact.device, fact.metric), fact.end === null ? fact : undefined),
  outage: () => {},
  delay: (fact) => (delays.value = { ...delays.value, [fact.kind]: fact.until }),
  mode: (fact) => (mode.value = fact.mode),
  occupancy: (fact) => (occupied.value = fact.occupied),
  security: (fact) => {
    if (security.value.some((entry) => mark(entry) === mark(fact))) return;
    security.value = [fact, ...security.value].sort((a, b) => b.time - a.time).slice(0, SECURITY_KEPT);
  },
};

const frames = {
  view(view) {
    home.value = view.home;
    devices.value = view.devices;
    mode.value = view.mode;
    view.delays.forEach(take.delay);
    occupied.value = view.occupied;
    alerts.value = new Map(view.alerts.map((alert) => [alert.id, alert]));
    security.value = [...view.security].sort((a, b) => b.time - a.time);
    commands.value = new Map(view.commands.map((command) => [key(command.device, command.metric), command]));
    blind.value = new Map(view.blind.map((one) => [key(one.device, one.metric), one]));
    for (const [device, metrics] of Object.entries(view.values)) {
      for (const [metric, [time, value]] of Object.entries(metrics)) put(device, metric, time, value);
    }
  },
  delta(delta) {
    for (const row of delta.values) put(...row);
    for (const fact of delta.facts) take[fact.fact]?.(fact);
  },
};

let tries = 0;
let retry;
let silence;
let socket;

export function connect() {
  clearTimeout(retry);
  if (socket) {
    // the one before may still be on its way
    socket.onclose = socket.onmessage = null;
    socket.close();
  }
  socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live`);
  const listen = () => {
    clearTimeout(silence);
    silence = setTimeout(() => socket.close(), SILENCE_MS);
  };
  listen();
  socket.onmessage = ({ data }) => {
    listen();
    tries = 0;
    const frame = JSON.parse(data);
    batch(() => {
      now.value = frame.now;
      frames[frame.type]?.(frame);
      trouble.value = frame.trouble;
      link.value = "live";
    });
  };
  socket.onclose = ({ code }) => {
    clearTimeout(silence);
    if (code === LOG_IN) return location.replace("/login");
    link.value = home.value ? "lost" : "connecting";
    const wait = Math.min(SLOWEST_RETRY_MS, 500 * 2 ** tries++) * (0.5 + Math.random() / 2);
    retry = setTimeout(connect, wait);
  };
}

// A laptop that wakes up, or a network that is back, should not wait for the back-off.
for (const [target, event] of [[window, "online"], [document, "visibilitychange"]]) {
  target.addEventListener(event, () => {
    if (link.value === "lost" && document.visibilityState === "visible") {
      tries = 0;
      connect();
    }
  });
}
