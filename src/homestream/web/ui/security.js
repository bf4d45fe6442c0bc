// The security log: as it happens, and further back on request.
import { useState } from "./vendor/hooks.js";
import { get, query } from "./api.js";
import { Filters } from "./filters.js";
import { ago, full } from "./format.js";
import { html } from "./html.js";
import { security, tenSeconds } from "./live.js";
import { roomName } from "./metrics.js";

const LEVELS = [["", "All"], ["high", "High"], ["medium", "Medium"], ["info", "Info"]];
const FIRST = 7;
const PAGE = 50;

export function Security() {
  const [level, choose] = useState("");
  const [shown, show] = useState(FIRST);
  const [older, keep] = useState([]);
  const [ended, end] = useState(false);
  const known = [...security.value, ...older].filter((entry) => !level || entry.severity === level);
  const filter = (value) => {
    choose(value);
    keep([]);
    end(false);
    show(FIRST);
  };
  const more = async () => {
    if (known.length < shown + PAGE) {
      const until = known.length ? known.at(-1).time : undefined;
      const args = { severity: level, limit: PAGE, ...(until ? { until } : {}) };
      const { rows } = await get(query("/api/security", args)).catch(() => ({ rows: [] }));
      keep([...older, ...rows]);
      end(!rows.length);
    }
    show(shown + PAGE);
  };
  return html`
    <section class="card security" aria-label="Security">
      <div class="card-head"><h2>Security</h2></div>
      <${Filters} name="Severity" choices=${LEVELS} chosen=${level} choose=${filter} />
      ${!known.length && html`<p class="empty">${level ? "Nothing of this level." : "Nothing yet: openings, motion, arming and disarming are written here."}</p>`}
      <ul class="marked">
        ${known.slice(0, shown).map((entry) => html`
          <li class=${entry.severity}>
            <div class="body">${entry.text}${entry.room && html`<small> · ${roomName(entry.room)}</small>`}${entry.late && html`<small> · learned late</small>`}</div>
            <time class="side" title=${full(entry.time)}>${ago(entry.time, tenSeconds.value)}</time>
          </li>`)}
      </ul>
      ${!(known.length <= shown && (ended || !(known.length || level))) && html`<button class="more" onClick=${more}>Show more</button>`}
    </section>`;
}
