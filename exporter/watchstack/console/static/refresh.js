// Keeps a page up to date without a reload: asks for it again and changes only what differs, so that focus, selection,
// what is being typed and what is opened stay. Tells of alerts that came and went. Parts of [data-keep] are left alone.
"use strict";

const live = document.getElementById("live");
const seconds = Number(live.dataset.refresh || 0);
const OWN = new Set(["open", "value", "checked", "selected"]); // what a person changes is not changed back

function keyOf(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node.dataset.key || node.id || "" : "";
}

function alike(now, fresh) {
  return now.nodeType === fresh.nodeType && now.nodeName === fresh.nodeName && keyOf(now) === keyOf(fresh);
}

function morph(now, fresh) {
  if (now.nodeType !== Node.ELEMENT_NODE) {
    if (now.data !== fresh.data) now.data = fresh.data;
    return;
  }
  if (now.hasAttribute("data-keep") || now.isEqualNode(fresh)) return;
  for (const { name, value } of fresh.attributes) {
    if (!OWN.has(name) && now.getAttribute(name) !== value) now.setAttribute(name, value);
  }
  for (const name of now.getAttributeNames()) {
    if (!OWN.has(name) && !fresh.hasAttribute(name)) now.removeAttribute(name);
  }
  children(now, fresh);
}

function children(now, fresh) {
  const keyed = new Map();
  for (const child of now.children) if (keyOf(child)) keyed.set(keyOf(child), child);
  let place = now.firstChild;
  for (const child of [...fresh.childNodes]) {
    const key = keyOf(child);
    let match = key ? keyed.get(key) : place;
    if (!key) while (match && !alike(match, child)) match = match.nextSibling;
    if (match && alike(match, child)) {
      if (match !== place && match.contains(document.activeElement)) {
        // The focused element would lose the focus if it were moved: what stands before it goes behind it.
        while (place !== match) { const next = place.nextSibling; now.insertBefore(place, match.nextSibling); place = next; }
      }
      if (match === place) place = match.nextSibling;
      else now.insertBefore(match, place);
      keyed.delete(key);
      morph(match, child);
    } else {
      now.insertBefore(document.importNode(child, true), place);
    }
  }
  while (place) { const next = place.nextSibling; place.remove(); place = next; }
}

function alerts(root) {
  const found = new Map();
  for (const one of root.querySelectorAll("[data-alert]")) found.set(one.dataset.alert, one.dataset.words);
  return found;
}

function announce(before, after) {
  const came = [...after].filter(([key]) => !before.has(key)).map(([, words]) => words);
  const went = [...before].filter(([key]) => !after.has(key)).map(([, words]) => words);
  const told = [];
  if (came.length) told.push(`New alert: ${came.slice(0, 3).join("; ")}${came.length > 3 ? ` and ${came.length - 3} more` : ""}.`);
  if (went.length) told.push(`No longer fires: ${went.slice(0, 3).join("; ")}${went.length > 3 ? ` and ${went.length - 3} more` : ""}.`);
  if (told.length) document.getElementById("announce").textContent = told.join(" ");
}

async function refresh() {
  const selection = window.getSelection();
  if (document.hidden || (String(selection) && live.contains(selection.anchorNode))) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.redirected && new URL(answer.url).pathname === "/login") { location.assign(answer.url); return; }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("live");
    if (!fresh) throw new Error("not a page of the console");
    const before = alerts(live);
    children(live, fresh);
    announce(before, alerts(live));
    document.title = page.title;
    document.body.classList.remove("away");
  } catch {
    document.body.classList.add("away");
  }
}

if (seconds) setInterval(refresh, seconds * 1000);

// The menu closes with Escape, and when something else is chosen.
for (const menu of document.querySelectorAll("header details")) {
  document.addEventListener("click", (event) => { if (!menu.contains(event.target)) menu.open = false; });
  menu.addEventListener("focusout", (event) => { if (event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false; });
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && menu.open) { menu.open = false; menu.querySelector("summary").focus(); }
  });
}
