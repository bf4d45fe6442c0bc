// Requests to Homestream. Logged out: go and log in. Anything else that fails is said aloud in the toast.
import { signal } from "./vendor/signals.js";

export const problem = signal("");

const away = () => new Error("Homestream does not answer");

export async function ask(path, options) {
  const answer = await fetch(path, options).catch(() => {
    throw away();
  });
  if (answer.status === 401) {
    location.replace("/login");
    throw new Error("Log in first");
  }
  if (!answer.ok) {
    const { detail } = await answer.json().catch(() => ({}));
    const text = typeof detail === "string" ? detail : `Homestream answered ${answer.status}`;
    throw Object.assign(new Error(text), { status: answer.status });
  }
  return answer.json();
}

export const get = (path) => ask(path);

let fading;

// Do something; true once it is on disk, else the toast says why not.
export async function post(path, body) {
  const sent = body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  try {
    await ask(path, { method: "POST", ...sent });
    return true;
  } catch (error) {
    say(error);
    return false;
  }
}

export function say(error) {
  problem.value = error.message[0].toUpperCase() + error.message.slice(1);
  clearTimeout(fading);
  fading = setTimeout(() => (problem.value = ""), 6000);
}

// What is loaded only when it is asked for cannot be while Homestream is away.
addEventListener("unhandledrejection", ({ reason }) => reason instanceof TypeError && say(away()));

export const query = (path, args) => `${path}?${new URLSearchParams(args)}`;
