// Ask the past, and ask again while the page stays open.
import { useEffect, useState } from "./vendor/hooks.js";
import { get } from "./api.js";

// {data, error} of a GET; null data while it loads. A new address starts over; a failure keeps the old data.
export function useHistory(path, everySeconds = 300) {
  const [held, hold] = useState({ path: "", data: null, error: "" });
  useEffect(() => {
    let wanted = path !== null;
    const load = async () => {
      try {
        const data = await get(path);
        if (wanted) hold({ path, data, error: "" });
      } catch (error) {
        if (wanted) hold((before) => ({ path, data: before.path === path ? before.data : null, error: error.message }));
      }
    };
    if (wanted) load();
    const again = setInterval(() => wanted && document.visibilityState === "visible" && load(), everySeconds * 1000);
    return () => {
      wanted = false;
      clearInterval(again);
    };
  }, [path]);
  return held.path === path ? held : { data: null, error: "" };
}
