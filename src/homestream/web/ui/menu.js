// A button with a panel below it: arrow keys move; Escape, a click or Tab elsewhere close.
import { useEffect, useRef, useState } from "./vendor/hooks.js";
import { html } from "./html.js";

export function Menu({ label, name, chip = "", right, children }) {
  const [open, show] = useState(false);
  const root = useRef();
  useEffect(() => {
    if (!open) return undefined;
    const items = () => [...root.current.querySelectorAll(".menu-panel button, .menu-panel a")];
    (root.current.querySelector("[aria-checked=true]") ?? items()[0])?.focus();
    const away = (event) => root.current.contains(event.target) || show(false);
    const press = (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step && event.target.tagName !== "INPUT") {
        const all = items();
        event.preventDefault();
        all[(all.indexOf(document.activeElement) + step + all.length) % all.length].focus();
      }
      if (event.key === "Escape") {
        show(false);
        root.current.querySelector("button").focus();
      }
    };
    document.addEventListener("pointerdown", away);
    document.addEventListener("focusin", away);
    document.addEventListener("keydown", press);
    return () => {
      document.removeEventListener("pointerdown", away);
      document.removeEventListener("focusin", away);
      document.removeEventListener("keydown", press);
    };
  }, [open]);
  const close = () => {
    show(false);
    root.current.querySelector("button").focus();
  };
  return html`
    <div class="menu" ref=${root}>
      <button class=${`chip ${chip}`} aria-haspopup="true" aria-expanded=${String(open)} aria-label=${name} onClick=${() => show(!open)}>${label}</button>
      ${open && html`<div class=${right ? "menu-panel right" : "menu-panel"}>${children(close)}</div>`}
    </div>`;
}
