// Arm and disarm.
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { delays, mode, now } from "./live.js";
import { Menu } from "./menu.js";

const MODES = {
  disarmed: ["Disarmed", "Openings count at night and when nobody is home"],
  home: ["Armed home", "Doors and windows; people move inside"],
  night: ["Armed night", "Doors and windows; people sleep"],
  away: ["Armed away", "Doors, windows and motion"],
};

const arm = (value) => import("./arming.js").then((module) => module.arm(value));

// What a countdown says: how long there is to disarm, else to leave.
function left() {
  const wait = (kind) => Math.ceil(((delays.value[kind] ?? 0) - now.value) / 1000);
  return wait("entry") > 0 ? `Disarm! ${wait("entry")} s` : wait("exit") > 0 ? `${wait("exit")} s to leave` : "";
}

export function ModeMenu() {
  const armed = mode.value !== "disarmed";
  const [title] = MODES[mode.value] ?? [mode.value];
  const says = [title, left()].filter(Boolean).join(" · ");
  return html`
    <${Menu} chip=${armed ? "armed" : ""} name=${`Security: ${says}. Change`} label=${html`<${Icon} name="shield" /> ${says}`}>
      ${(close) => html`<div role="menu" aria-label="Security mode">
        ${Object.entries(MODES).map(([value, [text, hint]]) => html`
          <button role="menuitemradio" aria-checked=${String(value === mode.value)}
            onClick=${() => { close(); arm(value); }}>${text}<small>${hint}</small></button>`)}
      </div>`}
    <//>`;
}
