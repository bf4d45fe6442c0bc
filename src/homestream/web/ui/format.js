// Numbers and times as people read them; times are in the home's time zone, not the viewer's.
import { computed } from "./vendor/signals.js";
import { home, now } from "./live.js";

const number = (digits) => new Intl.NumberFormat("en", { maximumFractionDigits: digits });
const whole = number(0);
const tenths = number(1);
const hundredths = number(2);

export const integer = (value) => whole.format(value);
export const decimal = (value) => (Math.abs(value) < 10 ? hundredths : Math.abs(value) < 1000 ? tenths : whole).format(value);
// "+12 %", "−3 %"; from tenfold on "×33".
export function percent(value) {
  const rounded = Math.round(value);
  if (rounded >= 1000) return `×${whole.format(1 + value / 100)}`;
  return `${rounded > 0 ? "+" : rounded < 0 ? "−" : ""}${whole.format(Math.abs(rounded))} %`;
}

export function watts(value) {
  return Math.abs(value) >= 10_000 ? `${tenths.format(value / 1000)} kW` : `${whole.format(value)} W`;
}

export function bytes(value) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${(value < 10 && unit ? tenths : whole).format(value)} ${units[unit]}`;
}

export const money = (value, currency) =>
  new Intl.NumberFormat("en", { style: "currency", currency, currencyDisplay: "narrowSymbol" }).format(value);

export const zone = computed(() => home.value?.timezone ?? "UTC");

const formats = computed(() => {
  const make = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: zone.value, ...options });
  return {
    clock: make({ hour: "2-digit", minute: "2-digit" }),
    second: make({ hour: "2-digit", minute: "2-digit", second: "2-digit" }),
    weekday: make({ weekday: "short" }),
    day: make({ day: "numeric", month: "short" }),
    date: make({ day: "numeric", month: "short", year: "numeric" }),
    key: make({ year: "numeric", month: "2-digit", day: "2-digit" }),
    full: make({ weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" }),
  };
});

export const clock = (ms) => formats.value.clock.format(ms);
export const second = (ms) => formats.value.second.format(ms);
export const weekday = (ms) => formats.value.weekday.format(ms);
export const day = (ms) => formats.value.day.format(ms);
export const date = (ms) => formats.value.date.format(ms);
export const full = (ms) => formats.value.full.format(ms);
export const sameDay = (a, b) => formats.value.key.format(a) === formats.value.key.format(b);

// 12:10 today, Tue 12:10 this week, 3 Nov 12:10 before.
export function moment(ms, now) {
  if (sameDay(ms, now)) return clock(ms);
  if (Math.abs(now - ms) < 6 * 86_400_000) return `${weekday(ms)} ${clock(ms)}`;
  return `${Math.abs(now - ms) < 300 * 86_400_000 ? day(ms) : date(ms)} ${clock(ms)}`;
}

export function ago(ms, now) {
  const minutes = Math.floor((now - ms) / 60_000);
  if (minutes < 1) return "now";
  return minutes < 60 ? `${minutes} min ago` : moment(ms, now);
}

// "16 – 22 Nov" for the whole days from `since` to just before `until`; the year where it is not this one.
export function days(since, until) {
  const [first, last, today] = [since, until - 1, now.peek()].map((ms) => date(ms).split(" "));
  const end = last[2] === today[2] ? last.slice(0, 2) : last;
  if (sameDay(since, until - 1)) return end.join(" ");
  const shared = first[2] !== last[2] ? 3 : first[1] !== last[1] ? 2 : 1;
  return `${first.slice(0, shared).join(" ")} – ${end.join(" ")}`;
}
