// Rooms and their tiles: what each device says, and a tap to switch it.
import { useState } from "./vendor/hooks.js";
import { computed, signal } from "./vendor/signals.js";
import { post } from "./api.js";
import { moment } from "./format.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { Later } from "./later.js";
import { blind, commands, devices, home, key, now, reading } from "./live.js";
import { headlines, metric, roomName } from "./metrics.js";

const rooms = computed(() => {
  const byRoom = new Map((home.value?.rooms ?? []).map((room) => [room, []]));
  for (const device of devices.value) {
    if (!byRoom.has(device.room)) byRoom.set(device.room, []);
    byRoom.get(device.room).push(device);
  }
  // What belongs to no room comes last.
  return [...byRoom].filter(([, members]) => members.length).sort(([a], [b]) => (a === "") - (b === ""));
});

// As many columns as style.css has at this width.
const NARROW = [matchMedia("(max-width: 700px)"), matchMedia("(max-width: 1080px)")];
const columns = signal(3);
const measure = () => (columns.value = NARROW[0].matches ? 1 : NARROW[1].matches ? 2 : 3);
for (const width of NARROW) width.addEventListener("change", measure);
measure();

// Rooms in order, each into the shortest column, so that a small room leaves no hole.
const packed = computed(() => {
  const made = Array.from({ length: columns.value }, () => ({ height: 0, rooms: [] }));
  for (const room of rooms.value) {
    const shortest = made.reduce((best, one) => (one.height < best.height ? one : best));
    shortest.rooms.push(room);
    shortest.height += 1 + Math.ceil(room[1].flatMap(headlines).length / 2);
  }
  return made.map((one) => one.rooms);
});

export function Rooms() {
  if (!devices.value.length) return html`<${Later} load=${guide} />`;
  return html`
    <div class="rooms full">
      ${packed.value.map((column) => html`
        <div class="column">${column.map(([room, members]) => html`<${Room} key=${room} room=${room} members=${members} />`)}</div>`)}
    </div>`;
}

function Room({ room, members }) {
  const tiles = members.flatMap((device) => headlines(device).map((name) => ({ device, name })));
  const labels = tiles.map(({ device, name }) => label(device, name));
  return html`
    <section class="room live-part" aria-label=${roomName(room)}>
      <h2>${roomName(room)} <${Climate} members=${members} /></h2>
      <ul class="tiles">
        ${tiles.map(({ device, name }, n) => html`
          <${Tile} key=${key(device.id, name)} device=${device} name=${name}
            label=${labels.filter((one) => one === labels[n]).length > 1 && labels[n] !== device.name
              ? `${device.name} ${labels[n].toLowerCase()}` : labels[n]} />`)}
      </ul>
    </section>`;
}

const label = (device, name) => (headlines(device).length > 1 ? metric(name).label : device.name);

// The room's mean temperature and humidity, of what is known. Where a sensor measures both, only such are
// asked: a probe in the freezer says nothing of the kitchen.
function Climate({ members }) {
  const airs = members.filter(({ metrics }) => metrics.includes("humidity") && metrics.includes("temperature"));
  const mean = (name) => {
    const known = (airs.length ? airs : members).filter((device) => device.metrics.includes(name))
      .map((device) => (blind.value.has(key(device.id, name)) ? null : reading(device.id, name).value?.[1]))
      .filter((value) => value !== null && value !== undefined);
    return known.length ? known.reduce((a, b) => a + b) / known.length : null;
  };
  const [temperature, humidity] = [mean("temperature"), mean("humidity")];
  const parts = [temperature !== null && `${temperature.toFixed(1)} °C`, humidity !== null && `${humidity.toFixed(0)} %`];
  return html`<small>${parts.filter(Boolean).join(" · ")}</small>`;
}

// What a series says now: known text, or since when nothing is known. `on` is for states.
export function said(device, name) {
  const held = reading(device.id, name).value;
  const gap = blind.value.get(key(device.id, name)) ?? (held?.[1] === null ? { start: held[0], why: "" } : null);
  if (gap) return { known: false, text: `${gap.why === "unavailable" ? "Offline" : "No data"} since ${moment(gap.start, now.peek())}` };
  if (!held) return { known: false, text: "Unknown" };
  return { known: true, value: held[1], text: metric(name).text(held[1]), time: held[0] };
}

// A command that failed stays on the tile until the device speaks of that metric again.
function commandOf(device, name) {
  const command = commands.value.get(key(device.id, name));
  if (!command) return null;
  if (command.state === "pending") return command;
  const spoke = reading(device.id, name).value?.[0] ?? 0;
  return ["failed", "expired"].includes(command.state) && spoke <= command.time ? command : null;
}

function Tile({ device, name, label }) {
  const [asked, ask] = useState(false);
  const shown = said(device, name);
  const switchable = name === "switch" && device.commands.includes("switch");
  const command = switchable ? commandOf(device, name) : null;
  const pending = asked || command?.state === "pending";
  const failed = !pending && command !== null;
  const { icon, colour, off } = look(device, name);
  const active = shown.known && (!off || shown.value > 0);

  let state = shown.text;
  if (name === "switch" && active) state = [shown.text, alongside(device)].filter(Boolean).join(" · ");
  const target = asked === false ? command?.value : asked;
  if (pending) state = target > 0 ? "Turning on…" : "Turning off…";
  if (failed) state = "No answer";

  const tap = async () => {
    if (!switchable) return details(device, name);
    if (pending) return;
    const value = active ? 0 : 1;
    ask(value);
    await post(address(device), { metric: name, value });
    ask(false);
  };
  const alarm = active && ["smoke", "moisture", "tamper", "contact"].includes(name);
  const classes = ["tile", !shown.known && "unknown", pending && "pending", failed && "failed", alarm && "raised"];
  return html`
    <li class=${classes.filter(Boolean).join(" ")} data-series=${`${device.id}.${name}`}>
      <button class="tile-main" onClick=${tap} aria-busy=${String(pending)}
        aria-pressed=${switchable ? String(active) : undefined} title=${`${label}: ${state}`}>
        <span class=${`icon ${active ? colour : off || "grey"}`}><${Icon} name=${icon} /></span>
        <span class="words"><span class="name">${label}</span><span class="state">${state}</span></span>
      </button>
      ${switchable && html`
        <button class="tile-more" aria-label=${`Details of ${label}`} onClick=${() => details(device, name)}>⋯</button>`}
    </li>`;
}

export const address = (device) => `/api/devices/${device.id.split("/").map(encodeURIComponent).join("/")}/command`;

const details = async (device, name) => (await import("./details.js")).show(device.id, name);

const LAMP = /light|lamp|bulb|led|brightness/i;
const WINDOW = /window|skylight/i;

function look(device, name) {
  const described = metric(name);
  const words = `${device.id} ${device.name}`;
  if (name === "switch" && (device.metrics.includes("brightness") || LAMP.test(words))) return { ...described, icon: "bulb", colour: "amber" };
  if (name === "contact" && WINDOW.test(words)) return { ...described, icon: "window" };
  return described;
}

// Beside On: how much power it draws, or how bright it is.
function alongside(device) {
  for (const name of ["power", "brightness"]) {
    if (!device.metrics.includes(name)) continue;
    const shown = said(device, name);
    if (shown.known) return shown.text;
  }
  return "";
}

// How to begin is read once; it is loaded only by a home without devices.
const guide = () => import("./guide.js");
