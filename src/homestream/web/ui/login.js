// The log-in form: posts JSON, says what went wrong, goes to the page.
const form = document.querySelector("form");
const problem = form.querySelector(".problem");
const button = form.querySelector("button");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  problem.hidden = true;
  button.disabled = true;
  try {
    const answer = await fetch("/api/login", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ user: form.user.value, password: form.password.value }),
    });
    if (answer.ok) return location.replace("/");
    const { detail } = await answer.json();
    say(typeof detail === "string" ? detail : "Name or password cannot be read");
    form.password.select();
  } catch {
    say("Homestream does not answer; is it running?");
  } finally {
    button.disabled = false;
  }
});

function say(text) {
  problem.textContent = text[0].toUpperCase() + text.slice(1);
  problem.hidden = false;
}
