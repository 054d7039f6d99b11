// A dashboard's page: asks for the data of its panels in batches, draws them, and keeps time, variables and address together.
import { element } from "./charts/elements.js";
import { Controls } from "./charts/controls.js";
import { TimeChart, chartJs, pointAll } from "./charts/drawing.js";
import * as kinds from "./charts/panels.js";
import { Place } from "./charts/places.js";

const BATCH = 6; // panels of a request
const AT_ONCE = 4; // requests
const PATIENCE = 120000; // milliseconds: over a line that broke a request may never end, and all is asked anew
const root = document.getElementById("dashboard");
const page = JSON.parse(root.dataset.page);
const place = new Place(page);
const panels = [...document.querySelectorAll(".panel")].map((box) => ({
  box, spec: JSON.parse(box.dataset.panel), body: box.querySelector(".panel-body"), notes: box.querySelector(".notes"), kept: {},
  asked: !box.dataset.why && box.querySelector(".prose") === null,
}));
const state = document.getElementById("state");
let run = 0;
let stop = new AbortController();
let begun = 0; // when, in milliseconds of the page's life, which no setting of the clock moves
let loaded = 0;
let marks = [];
performance.mark("dashboard-begins");
chartJs();

for (const box of document.querySelectorAll("#grid > [data-place]")) {
  const [x, , width, height] = JSON.parse(box.dataset.place);
  box.style.gridColumn = `${x + 1} / span ${width}`;
  if (!box.classList.contains("row")) box.style.gridRow = `span ${height}`;
}

async function ask(what, signal) {
  const answer = await fetch(`/api/dashboards/${page.uid}/data?${place.query()}&${what}`, { signal, headers: { Accept: "application/json" } });
  if (answer.status === 401) {
    location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
    throw new Error("signed out");
  }
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error ?? `the console answered ${answer.status}`);
  return told;
}

// Everything anew; what is on its way from before no longer counts.
async function load() {
  const mine = (run += 1);
  begun = performance.now();
  stop.abort();
  stop = new AbortController();
  const { signal } = stop;
  root.setAttribute("aria-busy", "true");
  const asked = panels.filter((panel) => panel.asked);
  const batches = [];
  for (let at = 0; at < asked.length; at += BATCH) batches.push(asked.slice(at, at + BATCH));
  const troubles = new Set();
  const beside = ask("panels=0&options=1&marks=1", signal).then((told) => mine === run && aside(told)).catch((error) => troubles.add(String(error.message)));
  const worker = async () => {
    for (let batch = batches.shift(); batch; batch = batches.shift()) {
      try {
        const told = await ask(`panels=${batch.map((panel) => panel.spec.id).join(",")}`, signal);
        if (mine !== run) return;
        await Promise.all(batch.map((panel) => draw(panel, told)));
      } catch (error) {
        if (mine !== run || error.name === "AbortError") return;
        troubles.add(String(error.message));
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  if (mine !== run) return;
  performance.mark("dashboard-drawn");
  await beside;
  if (mine !== run) return;
  loaded = performance.now();
  root.removeAttribute("aria-busy");
  root.dataset.drawn = String(mine);
  state.textContent = troubles.size ? [...troubles].join(" ") : "";
  state.classList.toggle("problem", troubles.size > 0);
}

function aside(told) {
  controls.options(told.options ?? {});
  controls.kinds(told.marks ?? [], redrawMarks);
  redrawMarks();
}

function redrawMarks() {
  const before = JSON.stringify(marks);
  marks = controls.marks();
  if (JSON.stringify(marks) !== before) for (const { chart } of panels) chart?.showMarks(marks);
}

async function draw(panel, told) {
  const data = told.panels[panel.spec.id];
  if (!data) return;
  const { spec } = panel;
  const count = (data.series ?? data.values ?? data.rows ?? data.lines ?? []).length;
  panel.notes.textContent = data.notes.join(" ");
  panel.notes.hidden = !data.notes.length;
  panel.box.classList.toggle("broken", data.problems.length > 0);
  if (data.problems.length || !count) {
    panel.chart?.destroy();
    panel.chart = null;
    const words = data.problems.length ? data.problems.join(" ") : data.declared ? `Nothing here, and that is fine: ${data.empty}` : data.empty;
    panel.body.replaceChildren(element("p", { class: data.problems.length ? "said bad" : "said", role: data.problems.length ? "alert" : "" }, words));
    return;
  }
  if (spec.kind !== "timeseries") {
    panel.body.replaceChildren(...kinds[spec.kind](spec, data, ways, panel.kept));
    return;
  }
  const times = Array.from({ length: data.points }, (_, number) => data.start + number * data.step);
  if (!panel.chart) {
    panel.body.replaceChildren();
    const title = panel.box.querySelector("h2").textContent;
    panel.chart = new TimeChart(panel.body, { ...spec, title, onZoom: (from, to) => controls.range(String(Math.round(from * 1000)), String(Math.round(to * 1000))), onAt: pointAll, linked: ways });
  }
  await panel.chart.show({ from: told.from, to: told.to, times, series: data.series }, marks);
}

// The links of a value, as nodes.
function ways(own, look) {
  const labels = own.labels ?? {};
  return (look.links ?? []).map((link) => [link, place.address(link, labels)]).filter(([, address]) => address)
    .map(([link, address]) => element("a", { class: "ws-way", href: address, "aria-label": own.name ? `${link.title}: ${own.name}` : link.title, title: link.title }, "→"));
}

const controls = new Controls(page, place, load);
load().then(() => {
  const shown = document.querySelector(".panel.shown");
  shown?.scrollIntoView({ block: "start" });
});
addEventListener("popstate", () => { place.read(); controls.show(); load(); });
function overdue() {
  if (!controls.seconds() || document.hidden) return false;
  return root.hasAttribute("aria-busy") ? performance.now() - begun > PATIENCE : performance.now() - loaded > controls.seconds() * 1000;
}
setInterval(() => { if (overdue()) load(); }, 1000);
document.addEventListener("visibilitychange", () => { if (overdue()) load(); });
