// What each metric is called, looks like and says.
import { decimal, integer, watts } from "./format.js";

const tenth = (unit) => (value) => `${value.toFixed(1)} ${unit}`;
const whole = (unit) => (value) => `${integer(value)}${unit && " "}${unit}`;
const state = (off, on) => (value) => (value ? on : off);

// metric: [label, icon, colour, colour when off (states only), text]
const TABLE = {
  __proto__: null, // a device may call its metric "constructor"
  switch: ["Switch", "bolt", "green", "grey", state("Off", "On")],
  power: ["Power", "bolt", "green", "", watts],
  temperature: ["Temperature", "thermometer", "red", "", tenth("°C")],
  humidity: ["Humidity", "drop", "blue", "", tenth("%")],
  illuminance: ["Light level", "sun", "gold", "", whole("lx")],
  motion: ["Motion", "walk", "purple", "grey", state("Clear", "Motion")],
  occupancy: ["Occupancy", "walk", "purple", "grey", state("Clear", "Occupied")],
  contact: ["Contact", "door", "amber", "grey", state("Closed", "Open")],
  presence: ["Presence", "person", "green", "grey", state("Away", "Home")],
  smoke: ["Smoke", "flame", "red", "grey", state("Clear", "Smoke!")],
  moisture: ["Leak", "leak", "red", "grey", state("Dry", "Wet!")],
  carbon_dioxide: ["CO₂", "cloud", "blue", "", whole("ppm")],
  pm25: ["Fine dust", "cloud", "blue", "", tenth("µg/m³")],
  volatile_organic_compounds: ["VOC", "cloud", "blue", "", whole("µg/m³")],
  pressure: ["Air pressure", "gauge", "blue", "", whole("hPa")],
  wind_speed: ["Wind", "cloud", "blue", "", tenth("m/s")],
  precipitation: ["Rain", "drop", "blue", "", tenth("mm")],
  gas: ["Gas", "flame", "amber", "", (value) => `${decimal(value)} m³`],
  water: ["Water", "drop", "blue", "", (value) => `${decimal(value)} m³`],
  energy: ["Energy", "bolt", "green", "", (value) => `${decimal(value / 1000)} kWh`],
  energy_export: ["Energy sold", "bolt", "green", "", (value) => `${decimal(value / 1000)} kWh`],
  brightness: ["Brightness", "bulb", "amber", "", whole("%")],
  setpoint: ["Set to", "thermometer", "red", "", tenth("°C")],
  position: ["Position", "window", "blue", "", whole("%")],
  tamper: ["Tamper", "warning", "red", "grey", state("Untouched", "Tampered!")],
  voltage: ["Voltage", "bolt", "green", "", tenth("V")],
  current: ["Current", "bolt", "green", "", (value) => `${decimal(value)} A`],
  frequency: ["Frequency", "bolt", "green", "", (value) => `${decimal(value)} Hz`],
  apparent_power: ["Apparent power", "bolt", "green", "", whole("VA")],
  reactive_power: ["Reactive power", "bolt", "green", "", whole("var")],
  power_factor: ["Power factor", "bolt", "green", "", decimal],
  battery: ["Battery", "gauge", "green", "", whole("%")],
  signal_strength: ["Signal", "gauge", "blue", "", whole("dBm")],
  link_quality: ["Link quality", "gauge", "blue", "", whole("")],
};

// These get a tile; the others are in the device's details.
const HEADLINES = [
  "temperature", "humidity", "illuminance", "motion", "occupancy", "contact", "presence", "smoke", "moisture",
  "carbon_dioxide", "pm25", "volatile_organic_compounds", "wind_speed", "precipitation", "gas", "water", "tamper",
];

const pretty = (slug) => slug && slug[0].toUpperCase() + slug.slice(1).replace(/[_-]+/g, " ");

export function metric(name) {
  const [label, icon, colour, off, text] = TABLE[name] ?? [pretty(name), "gauge", "blue", "", decimal];
  return { name, label, icon, colour, off, text };
}

export const roomName = (slug) => (slug ? pretty(slug) : "Elsewhere");

// The metrics of a device that get a tile of their own. A thing that can be switched is one tile, whatever
// else it measures; so is a meter.
export function headlines(device) {
  for (const whole of ["switch", "power"]) if (device.metrics.includes(whole)) return [whole];
  const found = HEADLINES.filter((name) => device.metrics.includes(name) && !(name === "tamper" && device.metrics.length > 1));
  return found.length ? found : device.metrics.slice(0, 1);
}
