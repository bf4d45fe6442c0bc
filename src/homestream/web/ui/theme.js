// Light, dark, or as the system says.
import { effect, signal } from "./vendor/signals.js";
import { html } from "./html.js";

const dark = matchMedia("(prefers-color-scheme: dark)");
const system = signal(dark.matches ? "dark" : "light");
dark.addEventListener("change", () => (system.value = dark.matches ? "dark" : "light"));

const chosen = signal(document.documentElement.dataset.theme ?? "auto");

// What is shown; charts draw themselves anew when it changes.
export const theme = signal("light");
effect(() => {
  theme.value = chosen.value === "auto" ? system.value : chosen.value;
  if (chosen.value === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen.value;
  localStorage.setItem("theme", chosen.value);
});

const NEXT = { auto: "light", light: "dark", dark: "auto" };
const SAYS = { auto: "as the system", light: "light", dark: "dark" };

export function ThemeButton() {
  const says = `Theme: ${SAYS[chosen.value]}; next ${SAYS[NEXT[chosen.value]]}`;
  return html`
    <button class="chip round" aria-label=${says} title=${says} onClick=${() => (chosen.value = NEXT[chosen.value])}>
      ${{ auto: "◐", light: "○", dark: "●" }[chosen.value]}
    </button>`;
}
