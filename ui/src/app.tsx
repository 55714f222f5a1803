// Brings a page to life: the box on each, the trace on that of an output, the theme.
import { render } from "preact";
import { Box } from "./box";
import { keep, kept } from "./kept";
import { Trace } from "./trace";

const theme = kept("theme");
if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;

const box = document.getElementById("box");
if (box) {
  const first = box.dataset.first ?? "";
  box.textContent = "";
  render(<Box first={first} />, box);
}
const place = document.getElementById("trace");
const words = document.getElementById("words");
if (place) {
  if (words?.querySelector("[data-later]")) {
    const asked = new URLSearchParams({ output: place.dataset.name!, key: place.dataset.key! });
    // Once it is drawn: the server would do both at half the speed.
    const put = () =>
      fetch(`/page/words?${asked}`)
        .then(async (told) => {
          // Written by the server, in which every value is text.
          words.innerHTML = told.ok ? await told.text() : "<p>It could not be put into words now.</p>";
        })
        .catch(() => {
          words.textContent = "The server is away.";
        });
    addEventListener("drawn", put, { once: true });
  }
  place.textContent = "";
  render(<Trace name={place.dataset.name!} firstKey={place.dataset.key!} mayFlag={place.dataset.flags !== undefined} />, place);
}
const toggle = document.getElementById("theme");
if (toggle) {
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    const dark = document.documentElement.dataset.theme
      ? document.documentElement.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    const next = dark ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    keep("theme", next);
    dispatchEvent(new Event("themechange"));
  });
}
// Who says something says who it is once.
for (const name of document.querySelectorAll<HTMLInputElement>("form.mark input[name=by]")) {
  name.value = kept("name") ?? "";
  name.form!.addEventListener("submit", () => keep("name", name.value));
}
// What was just said can be taken back for as long as the server says, and while the button is in use.
const undo = document.querySelector<HTMLFormElement>("form.undo");
if (undo) {
  setTimeout(() => {
    if (undo.contains(document.activeElement)) undo.addEventListener("focusout", () => undo.remove());
    else undo.remove();
  }, Number(undo.dataset.ms));
}
// Lists that are open show what is new.
const live = document.getElementById("live");
if (live) {
  const source = new EventSource("/page/news");
  source.addEventListener("runs", async () => {
    const response = await fetch(location.href);
    if (!response.ok) return;
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("live");
    if (fresh && !live.contains(document.activeElement)) live.replaceChildren(...fresh.childNodes);
  });
}
