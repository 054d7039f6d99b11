// The inbox without a mouse: j and k go through the entries, a acknowledges, s silences, / searches, ? shows the help.
"use strict";

function items() { return [...document.querySelectorAll("[data-item]")]; }

function current() { return document.activeElement.closest?.("[data-item]") || null; }

function go(step) {
  const all = items();
  const at = all.indexOf(current());
  const next = all[Math.min(all.length - 1, Math.max(0, at < 0 ? 0 : at + step))];
  if (next) { next.focus(); next.scrollIntoView({ block: "nearest" }); }
}

function acknowledge(item) {
  const take = item.querySelector("details.take");
  const undo = item.querySelector("form.inline button");
  if (take) { take.open = true; take.querySelector("input[name=note]").focus(); } else if (undo) undo.click();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const field = event.target.closest?.("input, select, textarea");
  const item = current();
  if (event.key === "Escape" && field) {
    const take = field.closest("details.take");
    if (take) { take.open = false; take.closest("[data-item]")?.focus(); } else field.blur();
    return;
  }
  if (field) return;
  if (event.key === "j") go(1);
  else if (event.key === "k") go(-1);
  else if (event.key === "a" && item) acknowledge(item);
  else if (event.key === "s" && item) [...item.querySelectorAll(".ways a")].find((way) => way.textContent === "Silence")?.click();
  else if (event.key === "Enter" && event.target === item) item.querySelector("[data-open]")?.click();
  else if (event.key === "/") document.querySelector("[data-search]")?.focus();
  else if (event.key === "?") { const help = document.querySelector("details.keys"); if (help) help.open = !help.open; }
  else return;
  event.preventDefault();
});
