// Draws every canvas[data-chart="/api/…"] of a page: {"unit", "series": [{"name", "points": [[unix seconds, value], …]}],
// "thresholds": [{"value", "colour"}]}. data-refresh: seconds until it is asked again. The dashboards: dashboards.js.
"use strict";
(async () => {
  const { TimeChart } = await import("./charts/drawing.js");
  const AT_ONCE = 4;
  const known = new Map(); // canvas → its chart
  const waiting = [];
  let busy = 0;

  function gridded(told) {
    const times = [...new Set(told.series.flatMap((one) => one.points.map(([at]) => at)))].sort((a, b) => a - b);
    const places = new Map(times.map((at, place) => [at, place]));
    const series = told.series.map((one) => {
      const values = Array(times.length).fill(null);
      for (const [at, value] of one.points) values[places.get(at)] = value;
      return { name: one.name, values };
    });
    const even = told.series.every((one) => one.points.length === times.length);
    return { from: told.from ?? times[0] ?? 0, to: told.to ?? times.at(-1) ?? 1, times, series, joined: !even };
  }

  async function load(canvas) {
    const own = known.get(canvas);
    try {
      const answer = await fetch(canvas.dataset.chart, { headers: { Accept: "application/json" } });
      const told = await answer.json();
      if (!answer.ok) throw new Error(told.error ?? `answered ${answer.status}`);
      own.chart.look = { fill: 10, ...own.chart.look, unit: told.unit ?? "short", low: told.low ?? own.chart.look.low, high: told.high ?? own.chart.look.high };
      if (told.thresholds?.length) Object.assign(own.chart.look, { limits: "line", steps: told.thresholds });
      say(own, told.series.length ? "" : "no data");
      own.chart.area.hidden = false;
      await own.chart.show(gridded(told));
    } catch (error) {
      own.chart.area.hidden = !own.chart.chart; // words alone, where nothing was drawn before
      say(own, String(error.message ?? error));
    }
  }

  function say(own, words) {
    own.said.textContent = words;
    own.said.hidden = !words;
  }

  function next() {
    while (busy < AT_ONCE && waiting.length) {
      busy += 1;
      load(waiting.shift()).finally(() => { busy -= 1; next(); });
    }
  }

  function ask(canvas) {
    if (!waiting.includes(canvas)) waiting.push(canvas);
    next();
  }

  function find() {
    for (const [canvas, own] of known) {
      if (canvas.isConnected) continue;
      own.chart.destroy();
      clearInterval(own.timer);
      known.delete(canvas);
    }
    for (const canvas of document.querySelectorAll("canvas[data-chart]")) {
      if (known.has(canvas)) continue;
      const title = canvas.getAttribute("aria-label") ?? "";
      const box = document.createElement("div");
      box.className = "ws-chart";
      canvas.before(box);
      const chart = new TimeChart(box, { canvas, title });
      box.prepend(chart.area);
      const said = document.createElement("p");
      said.className = "ws-said";
      said.hidden = true;
      box.append(said);
      const seconds = Number(canvas.dataset.refresh || 0);
      const timer = seconds ? setInterval(() => document.hidden || ask(canvas), seconds * 1000) : 0;
      known.set(canvas, { chart, said, timer });
      ask(canvas);
    }
  }

  find();
  new MutationObserver(find).observe(document.body, { childList: true, subtree: true });
})();
