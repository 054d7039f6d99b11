// Keeps a page that asks for it (data-refresh="seconds" on #live) up to date without a reload; without it all works too.
"use strict";
const live = document.getElementById("live");
const seconds = Number(live.dataset.refresh || 0);

async function refresh() {
  const selected = String(window.getSelection());
  if (document.hidden || selected || live.contains(document.activeElement)) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("live");
    if (!fresh) throw new Error("not a page of the console");
    live.replaceChildren(...fresh.childNodes);
    document.title = page.title;
    document.body.classList.remove("away");
  } catch {
    document.body.classList.add("away");
  }
}

if (seconds) setInterval(refresh, seconds * 1000);
