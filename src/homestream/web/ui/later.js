// What a module shows that is loaded only when it is wanted; `load` is asked once.
import { useEffect, useState } from "./vendor/hooks.js";
import { html } from "./html.js";

export function Later({ load, ...given }) {
  const [Shown, show] = useState(null);
  useEffect(() => {
    load().then((module) => show(() => module.default));
  }, []);
  return Shown && html`<${Shown} ...${given} />`;
}
