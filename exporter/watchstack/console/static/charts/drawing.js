// One chart over time: lines, limits, events, legend, crosshair. Chart.js draws; what is under the pointer is told here.
import { fullText, tickText, ticks } from "./axis.js";
import { colour, faint, lines, onScheme } from "./colours.js";
import { element } from "./elements.js";
import { UNITS, format } from "./units.js";

const SMALL = 110; // pixels, below which there is room for the lines alone
const SHOWN = 12; // series in the words for those who do not see the chart
const drawn = new Set();
let library;

// Chart.js, once a page; the address with its version is in the page's head where there is one.
export function chartJs() {
  library ??= import(document.querySelector("meta[name=chart-js]")?.content ?? "/assets/chart.js").then(() => {
    const { Chart } = globalThis;
    Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    Chart.defaults.font.size = 11.5;
    return Chart;
  });
  return library;
}

// Under the lines: the events and the areas of the limits. Over them: the limits' lines.
const BESIDE = {
  id: "beside",
  beforeDatasetsDraw(chart, _, { own }) {
    const { ctx, chartArea: area, scales: { x, y } } = chart;
    if (own.look.limits?.includes("area")) {
      own.look.steps.forEach((step, number) => {
        const top = number + 1 < own.look.steps.length ? y.getPixelForValue(own.look.steps[number + 1].value) : area.top;
        const low = Math.min(area.bottom, y.getPixelForValue(step.value));
        ctx.fillStyle = faint(colour(step.colour), 0.1);
        if (low > area.top) ctx.fillRect(area.left, Math.max(area.top, top), area.width, low - Math.max(area.top, top));
      });
    }
    for (const mark of own.marks) {
      const [from, to] = [mark.start, mark.end].map((at) => Math.min(area.right, Math.max(area.left, x.getPixelForValue(at))));
      ctx.fillStyle = faint(colour(mark.colour), 0.6);
      if (to - from > 1) ctx.fillRect(from, area.top - 4, to - from, 3);
      line(ctx, colour(mark.colour), [3, 3], from, area.top, from, area.bottom);
    }
  },
  afterDatasetsDraw(chart, _, { own }) {
    const { ctx, chartArea: area, scales: { y } } = chart;
    if (!own.look.limits || own.look.limits === "area") return;
    for (const step of own.look.steps ?? []) {
      const at = y.getPixelForValue(step.value);
      if (at >= area.top - 1 && at <= area.bottom + 1) line(ctx, colour(step.colour), own.look.limits.includes("dashed") ? [6, 4] : [], area.left, at, area.right, at);
    }
  },
};

function line(ctx, stroke, dash, ...[x, y, toX, toY]) {
  ctx.save();
  ctx.strokeStyle = stroke;
  ctx.lineWidth = 1.2;
  ctx.setLineDash(dash);
  ctx.beginPath();
  ctx.moveTo(x, y);
  ctx.lineTo(toX, toY);
  ctx.stroke();
  ctx.restore();
}

export class TimeChart {
  // box: where canvas and legend go. spec: look, legend, tooltip of the panel. onZoom: told from and to (Unix seconds).
  constructor(box, { look = {}, legend = { shown: true, calcs: [] }, ascending = false, tooltip = "multi", title = "", canvas = null, onZoom = null, onAt = null, linked = null } = {}) {
    Object.assign(this, { look: { unit: "short", ...look }, legend, ascending, tooltip, title, onZoom, onAt, linked });
    this.marks = [];
    this.only = null;
    this.at = null;
    this.canvas = canvas ?? element("canvas");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.cross = element("span", { class: "ws-cross", hidden: true });
    this.zone = element("span", { class: "ws-zone", hidden: true });
    this.tip = element("div", { class: "ws-tip", hidden: true });
    this.names = element("ul", { class: `ws-legend${legend.table ? " as-table" : ""}` });
    this.area = element("div", { class: "ws-plot" });
    if (canvas) canvas.replaceWith(this.area);
    this.area.append(this.canvas, this.cross, this.zone, this.tip);
    box.append(this.area, this.names);
    this.listen();
    drawn.add(this);
  }

  // data: from, to, times (Unix seconds), series of name, values, look, calcs, labels.
  async show(data, marks = this.marks) {
    const Chart = await chartJs();
    this.data = data;
    this.marks = marks;
    this.drawLegend(); // first: it decides how high the chart is
    if (this.chart) {
      this.chart.options = this.options();
      this.chart.data.datasets = this.datasets();
      this.chart.update("none");
    } else if (this.area.isConnected) {
      this.chart = new Chart(this.canvas, { type: "line", data: { datasets: this.datasets() }, options: this.options(), plugins: [BESIDE] });
    }
    this.canvas.setAttribute("aria-label", this.words());
    if (this.at !== null) this.point(this.at);
  }

  showMarks(marks) {
    this.marks = marks;
    this.chart?.draw();
  }

  destroy() {
    drawn.delete(this);
    this.chart?.destroy();
  }

  colourOf(number) {
    const own = this.data.series[number];
    return colour(own.look?.colour ?? this.look.colour ?? "", number);
  }

  datasets() {
    const { times } = this.data;
    return this.data.series.map((own, number) => {
      const look = { ...this.look, ...own.look };
      const hue = this.colourOf(number);
      return {
        type: look.bars ? "bar" : "line",
        label: own.name,
        data: own.values.map((value, place) => ({ x: times[place], y: value })),
        borderColor: hue,
        backgroundColor: faint(hue, look.bars ? 0.7 : (look.fill ?? 0) / 100),
        fill: look.fill ? (look.stacked && number ? "-1" : "origin") : false,
        borderWidth: look.dots && !look.width ? 0 : Math.max(1.3, look.width ?? 1),
        pointRadius: look.dots ? 2 : own.values.length < 3 || lonely(own.values) ? 2 : 0,
        pointHitRadius: 0,
        spanGaps: Boolean(look.joined ?? this.data.joined),
        stack: look.stacked ? "stack" : undefined,
        hidden: Boolean(look.hidden) || (this.only !== null && this.only !== own.name),
      };
    });
  }

  options() {
    const { grid, text } = lines();
    const { from, to } = this.data;
    const stacked = Boolean(this.look.stacked);
    const small = this.area.parentElement.clientHeight < SMALL;
    return {
      animation: false, parsing: false, normalized: true, responsive: true, maintainAspectRatio: false, events: [],
      layout: { padding: { top: 6, right: 8 } },
      elements: { line: { borderJoinStyle: "round", tension: 0 } },
      plugins: { legend: { display: false }, tooltip: { enabled: false }, decimation: { enabled: !stacked, algorithm: "min-max" }, beside: { own: this } },
      scales: {
        x: {
          type: "linear", min: from, max: to, grid: { color: grid, drawTicks: false }, border: { display: false },
          afterBuildTicks: (axis) => { axis.ticks = ticks(from, to, Math.floor(axis.width / 85)).map((value) => ({ value })); },
          display: !small,
          ticks: { color: text, maxRotation: 0, autoSkip: false, align: "inner", padding: 6, callback: (value) => tickText(value, to - from) },
        },
        y: {
          min: this.look.low, max: this.look.high, stacked, grace: this.look.high === undefined ? "4%" : 0,
          display: !small, grid: { color: grid, drawTicks: false }, border: { display: false },
          afterBuildTicks: (axis) => evenBytes(axis, this.look.unit),
          ticks: { color: text, maxTicksLimit: 6, padding: 6, callback: (value) => format(this.look.unit, value, tickDecimals(this.look, value)) },
        },
      },
    };
  }

  drawLegend() {
    this.names.hidden = !this.legend.shown || this.area.parentElement.clientHeight < SMALL;
    const shownCalcs = this.legend.calcs ?? [];
    this.names.replaceChildren(...this.data.series.map((own, number) => {
      const look = { ...this.look, ...own.look };
      const swatch = element("span", { class: "ws-swatch" });
      swatch.style.background = this.colourOf(number);
      const told = (own.calcs ?? []).map((value, place) => element("span", { class: "ws-calc" }, `${shownCalcs[place]?.[1] ?? ""} ${format(look.unit, value, look.decimals)}`));
      const name = element("button", { type: "button", class: "series", "aria-pressed": String(this.only === own.name), title: "Show this one alone" }, swatch, element("span", {}, own.name || "–"), ...told);
      name.addEventListener("click", () => { this.only = this.only === own.name ? null : own.name; this.show(this.data); });
      return element("li", { class: this.only !== null && this.only !== own.name ? "away" : "" }, name, ...(this.linked?.(own, look) ?? []));
    }));
  }

  // What the chart says, for those who do not see it.
  words() {
    const told = this.data.series.slice(0, SHOWN).map((own) => {
      const last = own.values.findLast((value) => value !== null);
      return `${own.name || "one series"} ${format({ ...this.look, ...own.look }.unit, last ?? null)}`;
    });
    const more = this.data.series.length > SHOWN ? `, and ${this.data.series.length - SHOWN} more` : "";
    return `${this.title || "Chart"}: ${told.join(", ") || "no data"}${more}. Left and right arrow keys tell the values at a time.`;
  }

  listen() {
    const { area } = this;
    let began = null;
    const inside = (event) => event.clientX - area.getBoundingClientRect().left;
    area.addEventListener("pointermove", (event) => {
      if (!this.chart) return;
      if (began !== null) this.mark(began, inside(event));
      this.point(this.chart.scales.x.getValueForPixel(inside(event)), true);
    });
    area.addEventListener("pointerdown", (event) => { if (event.pointerType === "mouse" && event.button === 0 && this.onZoom) began = inside(event); });
    area.addEventListener("pointerup", (event) => {
      const ends = inside(event);
      if (began !== null && Math.abs(ends - began) > 8) {
        const [from, to] = [began, ends].sort((a, b) => a - b).map((at) => this.chart.scales.x.getValueForPixel(at));
        this.onZoom(Math.max(from, this.data.from), Math.min(to, this.data.to));
      }
      began = null;
      this.zone.hidden = true;
    });
    area.addEventListener("pointerleave", () => { began = null; this.zone.hidden = true; this.leave(true); });
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    this.canvas.addEventListener("blur", () => this.leave(true));
  }

  key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20, Home: -1e9, End: 1e9 }[event.key];
    if (event.key === "Escape") this.leave(true);
    if (!step || !this.chart) return;
    event.preventDefault();
    const { times } = this.data;
    const place = this.at === null ? times.length - 1 : Math.min(times.length - 1, Math.max(0, nearest(times, this.at) + step));
    this.point(times[place], true);
  }

  mark(from, to) {
    this.zone.hidden = false;
    this.zone.style.left = `${Math.min(from, to)}px`;
    this.zone.style.width = `${Math.abs(to - from)}px`;
  }

  // Moves the crosshair; own: this chart is the one that is looked at, so that it tells values too.
  point(at, own = false) {
    const area = this.chart?.chartArea;
    if (!area || !this.data.times.length) return;
    const place = nearest(this.data.times, at);
    const x = this.chart.scales.x.getPixelForValue(this.data.times[place]);
    if (x < area.left - 2 || x > area.right + 2) return this.leave();
    this.cross.hidden = false;
    this.cross.style.transform = `translate(${x}px, ${area.top}px)`;
    this.cross.style.height = `${area.height}px`;
    if (!own) return;
    this.at = this.data.times[place];
    this.onAt?.(this.at, this);
    if (this.tooltip !== "none") this.tell(place, x, area);
  }

  tell(place, x, area) {
    const rows = this.data.series
      .map((own, number) => ({ own, number, value: own.values[place] }))
      .filter(({ own, value }) => value !== null && value !== undefined && (this.only === null || this.only === own.name))
      .sort((a, b) => (this.ascending ? a.value - b.value : b.value - a.value));
    const near = this.marks.filter((mark) => Math.abs(mark.start - this.at) < (this.data.to - this.data.from) / 60 || (mark.start <= this.at && this.at <= mark.end));
    this.tip.replaceChildren(
      element("b", {}, fullText(this.at)),
      ...rows.slice(0, 20).map(({ own, number, value }) => {
        const swatch = element("span", { class: "ws-swatch" });
        swatch.style.background = this.colourOf(number);
        const look = { ...this.look, ...own.look };
        return element("div", {}, swatch, element("span", { class: "name" }, own.name || "–"), element("span", { class: "number" }, format(look.unit, value, look.decimals)));
      }),
      ...(rows.length > 20 ? [element("i", {}, `and ${rows.length - 20} more`)] : []),
      ...near.slice(0, 5).map((mark) => element("div", { class: "event" }, element("span", { class: "name" }, `${mark.title} ${mark.text}`))),
    );
    this.tip.hidden = false;
    const wide = this.tip.offsetWidth;
    const left = x + 14 + wide < this.area.clientWidth ? x + 14 : Math.max(0, x - wide - 14);
    this.tip.style.transform = `translate(${left}px, ${area.top}px)`;
  }

  leave(own = false) {
    this.cross.hidden = this.tip.hidden = true;
    this.at = null;
    if (own) this.onAt?.(null, this);
  }
}

// Ticks of memory at whole KiB, MiB, GiB: Chart.js itself counts in tens.
function evenBytes(axis, unit) {
  const known = UNITS[unit];
  const size = known?.scale?.findLast(([one]) => one > 1)?.[0] === 1024 ? known.scale.find(([one]) => Math.abs(axis.max) * known.factor >= one)?.[0] : 0;
  if (!size || size === 1) return;
  const wanted = (axis.max - axis.min) / 5 / size;
  const step = size * 2 ** Math.ceil(Math.log2(wanted));
  axis.ticks = [];
  for (let at = Math.ceil(axis.min / step) * step; at <= axis.max; at += step) axis.ticks.push({ value: at });
}

// A value that stands alone between gaps is no line: it needs its point.
const lonely = (values) => values.some((value, at) => value !== null && (values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null);

const tickDecimals = (look, value) => (look.decimals !== undefined && look.decimals !== null && Number.isInteger(value) ? Math.min(look.decimals, 2) : null);

function nearest(times, at) {
  let [low, high] = [0, times.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (times[middle] < at) low = middle;
    else high = middle;
  }
  return at - times[low] < times[high] - at ? low : high;
}

// All charts of the page point at the same moment.
export function pointAll(at, source) {
  for (const one of drawn) if (one !== source) at === null ? one.leave() : one.point(at);
}

onScheme(() => { for (const one of drawn) if (one.data) one.show(one.data); });
