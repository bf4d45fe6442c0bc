// Arm and disarm.
import { post } from "./api.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";
import { mode } from "./live.js";
import { Menu } from "./menu.js";

const MODES = {
  disarmed: ["Disarmed", "Openings count at night and when nobody is home"],
  home: ["Armed home", "Doors and windows; people move inside"],
  night: ["Armed night", "Doors and windows; people sleep"],
  away: ["Armed away", "Doors, windows and motion"],
};

export function ModeMenu() {
  const armed = mode.value !== "disarmed";
  const [says] = MODES[mode.value] ?? [mode.value];
  return html`
    <${Menu} chip=${armed ? "armed" : ""} name=${`Security: ${says}. Change`} label=${html`<${Icon} name="shield" /> ${says}`}>
      ${(close) => html`<div role="menu" aria-label="Security mode">
        ${Object.entries(MODES).map(([value, [text, hint]]) => html`
          <button role="menuitemradio" aria-checked=${String(value === mode.value)}
            onClick=${() => { close(); post("/api/mode", { mode: value }); }}>${text}<small>${hint}</small></button>`)}
      </div>`}
    <//>`;
}
