// Keeps the page live: asks for the figures, and writes them as text, never as HTML. Drawing: charts.js.
"use strict";

const EVERY = 10; // seconds between two refreshes
const MOST_LIVE = 720; // points that the page itself remembers
const root = document.getElementById("monitoring");
const csrf = document.querySelector('meta[name="csrf-token"]').content;
const at = (id) => document.getElementById(id);
const TONES = { healthy: "good", degraded: "warning", unhealthy: "bad", critical: "bad", error: "bad", warning: "warning", info: "info" };
const live = [];
let timer = 0;
let latest = null;
let busy = false;
let asked = 0;

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const badge = (word) => element("span", { class: `badge ${TONES[word] || ""}` }, word);
const number = (value, digits = 0) => value.toLocaleString([], { maximumFractionDigits: digits });

function duration(seconds) {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} days`;
}

function bytes(value) {
  const power = Math.min(4, Math.floor(Math.log(Math.max(1, value)) / Math.log(1024)));
  return `${number(value / 1024 ** power, 1)} ${["B", "KiB", "MiB", "GiB", "TiB"][power]}`;
}

class Trouble extends Error {
  constructor(words, wait = EVERY) { super(words); this.wait = wait; }
}

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(20000), ...options });
  } catch {
    throw new Trouble("The application does not answer. What stands here is from before.");
  }
  if (answer.status === 401) throw new Trouble("signed out", Infinity);
  if (answer.status === 429) throw new Trouble("Too many requests: the page waits.", Number(answer.headers.get("Retry-After")) || EVERY);
  const found = await answer.json().catch(() => ({ error: `the answer is no JSON, its status ${answer.status}` }));
  if (found.error) throw new Trouble(`${path}: ${found.error}`);
  return found;
}

async function load() {
  const own = ["performance", "history"];
  const questions = [];
  for (const [part, query] of [["summary", ""], ["health", "?code=200"]]) {
    const path = root.dataset[part] && root.dataset[part] + query;
    if (path) questions.push(ask(path).then((found) => ({ [part]: found })));
    else own.push(part);
  }
  questions.push(ask(`${root.dataset.data}?parts=${own.join(",")}&minutes=${at("range").value}`));
  return Object.assign({}, ...(await Promise.all(questions)));
}

async function refresh() {
  clearTimeout(timer);
  if (document.hidden || busy) return;
  busy = true;
  const number = asked;
  let wait = EVERY;
  try {
    latest = await load();
    live.push(latest.history.now);
    if (live.length > MOST_LIVE) live.shift();
    show();
    at("trouble").hidden = true;
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    wait = error.wait;
    tell(error);
  } finally {
    busy = false;
    if (asked !== number) wait = 0;
    if (wait !== Infinity) timer = setTimeout(refresh, wait * 1000);
  }
}

function tell(error) {
  const box = at("trouble");
  box.replaceChildren(error.message);
  if (error.wait === Infinity) box.replaceChildren("The session has ended: ", element("a", { href: root.dataset.login }, "sign in again"), ".");
  box.hidden = false;
}

function show() {
  showOverview();
  showAlerts();
  showChecks();
  showCharts();
  showResources();
  showRequests();
  showTrends();
  at("refreshed").textContent = `as of ${new Date(latest.timestamp).toLocaleString()}, every ${EVERY} s`;
  at("foot").textContent = `Version ${latest.version}, ${latest.environment}${latest.preset ? `, preset ${latest.preset}` : ""}. The history goes back ${number(latest.history.kept_hours, 1)} h at most.`;
}

function showOverview() {
  const { health, performance } = latest;
  const status = at("status");
  status.textContent = health.overall_status;
  status.className = `status ${TONES[health.overall_status]}`;
  const { critical_issues: failed, warnings, healthy_services: fine } = health.summary;
  at("status-words").textContent = `${fine.length} of ${Object.keys(health.checks).length} checks healthy` + (failed.length ? `, ${failed.length} critical` : "") + (warnings.length ? `, ${warnings.length} degraded` : "");
  const score = at("score");
  score.textContent = number(performance.health_score);
  score.className = performance.health_score >= 80 ? "good" : performance.health_score >= 50 ? "warning" : "bad";
  at("alert-count").textContent = performance.alerts.length;
  const kinds = Object.entries(Object.groupBy ? Object.groupBy(performance.alerts, (one) => one.severity) : {});
  at("alert-words").textContent = kinds.map(([severity, found]) => `${found.length} ${severity}`).join(", ") || "nothing is wrong";
  at("uptime").textContent = duration(latest.uptime_seconds);
}

function showAlerts() {
  const { alerts, recommendations, reasons } = latest.performance;
  const cards = alerts.map((one, index) => element("div", { class: `card ${TONES[one.severity] || ""}` },
    element("div", { class: "head" }, badge(one.severity), element("b", {}, one.message), element("span", { class: "soft" }, `${reasons[index].points} points`.replace("-", "−"))),
    element("p", { class: "soft" }, recommendations[index].action)));
  at("alerts").replaceChildren(...(cards.length ? cards : [element("p", { class: "soft" }, "No alert: within the last 15 minutes everything was as it should be.")]));
}

function showChecks() {
  const focused = document.activeElement?.dataset?.check;
  const cards = Object.values(latest.health.checks).map((one) => {
    const head = element("div", { class: "head" }, element("b", {}, one.name), badge(one.status));
    if (root.dataset.run) {
      const button = element("button", { type: "button", "data-check": one.name, "aria-label": `Run the check ${one.name} now` }, "Run");
      button.addEventListener("click", () => run(one.name, button));
      head.append(button);
    }
    const time = one.response_time_ms >= 0 ? ` · ${number(one.response_time_ms, 1)} ms` : "";
    return element("div", { class: `card ${TONES[one.status]}` }, head, element("p", { class: "soft" }, one.message + time));
  });
  at("checks").replaceChildren(...(cards.length ? cards : [element("p", { class: "soft" }, "There is no health check.")]));
  if (focused) at("checks").querySelector(`[data-check="${CSS.escape(focused)}"]`)?.focus();
}

async function run(name, button) {
  button.disabled = true;
  try {
    const found = await ask(root.dataset.run.replace("{check_name}", encodeURIComponent(name)), { method: "POST", headers: { Accept: "application/json", "X-CSRF-Token": csrf } });
    at("ran").textContent = `${name} was run just now: ${found.status}, ${found.message}`;
    again();
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    at("ran").textContent = `${name} could not be run: ${error.message}`;
  } finally {
    button.disabled = false;
  }
}

function showCharts() {
  const to = latest.history.now.at;
  const last = latest.history.points.at(-1)?.at ?? 0;
  const points = [...latest.history.points, ...live.filter((one) => one.at > last)];
  // what is younger than the range fills the chart, a minute at least
  const from = Math.max(to - latest.history.minutes * 60, Math.min(points[0].at, to - 60));
  const line = (name, key) => ({ name, points: points.map((one) => [one.at, one[key]]) });
  const thresholds = latest.thresholds;
  const draw = (id, chart) => drawChart(at(id), { ...chart, from, to });
  draw("chart-rate", { title: "Request rate", unit: "/s", least: 1, series: [line("all", "requests_per_second")] });
  draw("chart-time", { title: "Response time", unit: "ms", least: 10, limit: thresholds.response_ms, series: [line("95 %", "p95_ms"), line("mean", "mean_ms")] });
  draw("chart-errors", { title: "Failed requests", unit: "%", least: 10, limit: thresholds.error_percent, series: [line("5xx", "error_percent")] });
  draw("chart-host", { title: "Host", unit: "%", least: 100, series: [line("CPU", "cpu_percent"), line("memory", "memory_percent"), line("disk", "disk_percent")] });
}

function showResources() {
  const system = latest.summary.system;
  if (!system) return at("resources").replaceChildren(element("p", { class: "soft" }, "The host has not been looked at yet."));
  const used = (part, whole) => (part === null || part === undefined ? "" : `${bytes(part)} of ${bytes(whole)}`);
  at("resources").replaceChildren(
    resource("CPU", system.cpu_percent, latest.thresholds.cpu, "of all cores"),
    resource("Memory", system.memory_percent, latest.thresholds.memory, used(system.memory_used_bytes, system.memory_total_bytes)),
    resource("Disk", system.disk_percent, latest.thresholds.disk, used(system.disk_used_bytes, system.disk_total_bytes)));
}

function resource(name, percent, [warning, critical], words) {
  if (percent === null || percent === undefined) return element("div", { class: "resource" }, element("b", {}, name), element("p", { class: "soft" }, "not known"));
  const word = percent >= critical ? "critical" : percent >= warning ? "warning" : "healthy";
  const gauge = drawn("svg", { class: "gauge", viewBox: "0 0 100 14", preserveAspectRatio: "none", role: "img", "aria-label": `${name} ${number(percent, 1)} percent, ${word}` },
    drawn("rect", { class: "rail", width: 100, height: 14, rx: 1.5 }),
    drawn("rect", { class: "fill", width: Math.max(0.5, Math.min(100, percent)), height: 14, rx: 1.5 }),
    ...[warning, critical].map((limit) => drawn("line", { class: "mark", x1: limit, x2: limit, y1: 0, y2: 14, "vector-effect": "non-scaling-stroke" })));
  return element("div", { class: `resource ${TONES[word]}` },
    element("div", { class: "head" }, element("b", {}, `${name} ${number(percent, 1)} %`), badge(word)), gauge,
    element("span", { class: "soft" }, `${words}${words ? " · " : ""}warning at ${number(warning)} %, critical at ${number(critical)} %`));
}

function showRequests() {
  const { requests, endpoints } = latest.summary;
  at("requests").textContent = number(requests.total);
  at("failed").textContent = `${number(requests.errors)} (${number(requests.error_percent, 2)} %)`;
  at("running").textContent = number(requests.in_progress);
  at("mean").textContent = `${number(requests.mean_response_ms, 1)} ms`;
  rows("endpoints", endpoints.map((one) => [`${one.method} ${one.endpoint}`, number(one.requests), number(one.errors), `${number(one.mean_response_ms, 1)} ms`]), "No request yet.");
}

const TREND_NAMES = { requests_per_second: "Requests a second", error_share: "Share of failed requests", p95_seconds: "Response time, 95 %, s", cpu_percent: "CPU, %", memory_percent: "Memory, %", disk_percent: "Disk, %" };
const ARROWS = { rising: "↑", falling: "↓", steady: "→" };

function showTrends() {
  rows("trends", Object.entries(latest.performance.trends).map(([name, one]) => [TREND_NAMES[name] || name, number(one.before, 3), number(one.now, 3),
    `${ARROWS[one.direction]} ${one.direction}${one.direction === "steady" ? "" : `, ${number(one.change_percent, 1)} %`}`]), "Trends need four points of history, a minute apart.");
}

function rows(id, found, none) {
  const made = found.map((cells) => element("tr", {}, ...cells.map((cell, index) => element("td", index ? { class: "number" } : {}, cell))));
  at(id).replaceChildren(...(made.length ? made : [element("tr", {}, element("td", { colspan: 4, class: "soft" }, none))]));
}

function again() {
  asked += 1;
  refresh();
}

at("range").addEventListener("change", again);
at("print").addEventListener("click", () => window.print());
document.addEventListener("visibilitychange", refresh);
let width = window.innerWidth;
window.addEventListener("resize", () => {
  if (latest && window.innerWidth !== width) showCharts();
  width = window.innerWidth;
});
refresh();
