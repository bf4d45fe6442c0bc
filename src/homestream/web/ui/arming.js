// Arm or disarm: says what stands open, asks for the code where one is needed. Loaded when first asked for.
import { useEffect, useRef } from "./vendor/hooks.js";
import { render } from "./vendor/preact.js";
import { signal } from "./vendor/signals.js";
import { ask, say } from "./api.js";
import { html } from "./html.js";

const shown = signal(null); // {mode, warnings} once armed; {mode, error} where the code is asked for

render(html`<${Panel} />`, document.body.appendChild(document.createElement("div")));

export async function arm(mode, code) {
  const body = JSON.stringify(code ? { mode, code } : { mode });
  try {
    const { warnings } = await ask("/api/mode", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    shown.value = warnings.length ? { mode, warnings } : null;
  } catch (error) {
    if (error.status === 403 || error.status === 429) shown.value = { mode, error: code ? `${error.message[0].toUpperCase()}${error.message.slice(1)}` : "" };
    else say(error);
  }
}

function Panel() {
  return shown.value && html`<${Dialog} key=${shown.value.warnings ? 1 : 2} ...${shown.value} />`;
}

function Dialog({ mode, warnings, error }) {
  const node = useRef();
  useEffect(() => node.current.showModal(), []);
  const close = () => node.current.close();
  const send = (event) => {
    event.preventDefault();
    arm(mode, event.target.code.value);
    event.target.reset();
  };
  return html`
    <dialog ref=${node} aria-label=${warnings ? "Armed" : "Code"} onClose=${() => (shown.value = null)}>
      ${warnings
        ? html`
          <h2>Armed ${mode}, but</h2>
          <ul class="marked">${warnings.map((text) => html`<li class="warning"><div class="body">${text}</div></li>`)}</ul>
          <p class="empty">What stands open is watched once it is shut.</p>
          <div class="card-head"><button class="soft" autofocus onClick=${close}>Leave it so</button>
            <button class="soft" onClick=${() => arm("disarmed")}>Disarm</button></div>`
        : html`
          <form onSubmit=${send}>
            <h2>${mode === "disarmed" ? "Disarm" : `Arm ${mode}`}</h2>
            <p class="empty" role="alert">${error || "The code of this home"}</p>
            <div class="card-head"><input name="code" type="password" inputmode="numeric" autocomplete="off" aria-label="Code" autofocus required maxlength="64" />
              <button class="soft">OK</button><button class="soft" type="button" onClick=${close}>Cancel</button></div>
          </form>`}
    </dialog>`;
}
