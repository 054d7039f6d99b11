// Draws lines over time as SVG. What is drawn, and when: admin.js.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const SIZE = { height: 170, left: 44, right: 8, top: 8, bottom: 20 };

function drawn(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

// A round number at or above the value, so that the grid's numbers are short.
function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].find((one) => one * power >= value) * power;
}

function clockTime(at, long) {
  const options = long ? { weekday: "short", hour: "2-digit", minute: "2-digit" } : { hour: "2-digit", minute: "2-digit", second: "2-digit" };
  return new Date(at * 1000).toLocaleTimeString([], options);
}

// figure: the element. title, unit: words. series: [{name, points: [[unix seconds, number or null], …]}].
// limit: a threshold to show, where it is within the chart. from, to: Unix seconds.
function drawChart(figure, { title, unit, series, limit, least, from, to }) {
  const width = Math.max(260, figure.clientWidth - 24);
  const values = series.flatMap((one) => one.points.map((point) => point[1])).filter((value) => value !== null);
  const top = ceiling(Math.max(least, ...values));
  const x = (at) => SIZE.left + ((at - from) / (to - from)) * (width - SIZE.left - SIZE.right);
  const y = (value) => SIZE.height - SIZE.bottom - (Math.min(value, top) / top) * (SIZE.height - SIZE.top - SIZE.bottom);
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${SIZE.height}`, preserveAspectRatio: "none", role: "img", "aria-label": told(title, unit, series) });

  for (const part of [0, 0.5, 1]) {
    const at = y(top * part);
    svg.append(drawn("line", { class: "grid", x1: SIZE.left, x2: width - SIZE.right, y1: at, y2: at }));
    svg.append(drawn("text", { class: "axis", x: SIZE.left - 6, y: at + 4, "text-anchor": "end" }, short(top * part)));
  }
  for (const part of [0, 0.5, 1]) {
    const at = from + (to - from) * part;
    const anchor = ["start", "middle", "end"][part * 2];
    svg.append(drawn("text", { class: "axis", x: x(at), y: SIZE.height - 5, "text-anchor": anchor }, clockTime(at, to - from > 50000)));
  }
  if (limit && limit <= top) svg.append(drawn("line", { class: "limit", x1: SIZE.left, x2: width - SIZE.right, y1: y(limit), y2: y(limit) }));
  series.forEach((one, index) => svg.append(...line(one.points.filter((point) => point[0] >= from), x, y, index)));

  const caption = document.createElement("figcaption");
  caption.append(title);
  const legends = series.map((one, index) => {
    const legend = document.createElement("span");
    legend.className = `legend line-${index}`;
    caption.append(legend);
    return legend;
  });
  const newest = () => series.forEach((one, index) => { legends[index].textContent = label(one, one.points.at(-1), unit); });
  newest();
  follow(svg, series, { x, from, to, width }, (points) => points.forEach((point, index) => {
    legends[index].textContent = label(series[index], point, unit) + (point ? ` at ${clockTime(point[0])}` : "");
  }), newest);
  figure.replaceChildren(caption, svg);
}

// A path for each stretch without gaps; a lone point as a dot.
function line(points, x, y, index) {
  const found = [];
  let stretch = [];
  const close = () => {
    if (stretch.length === 1) found.push(drawn("circle", { class: `dot line-${index}`, cx: stretch[0][0], cy: stretch[0][1], r: 2.5 }));
    if (stretch.length > 1) found.push(drawn("path", { class: `path line-${index}`, d: "M" + stretch.map((at) => at.map((n) => n.toFixed(1)).join(" ")).join("L") }));
    stretch = [];
  };
  for (const [at, value] of points) {
    if (value === null) close();
    else stretch.push([x(at), y(value)]);
  }
  close();
  return found;
}

// Under the pointer, the legend tells the values of that time.
function follow(svg, series, { x, from, to, width }, tell, leave) {
  const hair = drawn("line", { class: "hair", y1: SIZE.top, y2: SIZE.height - SIZE.bottom, visibility: "hidden" });
  svg.append(hair);
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const across = ((event.clientX - box.left) / box.width) * width;
    const wanted = from + ((across - SIZE.left) / (width - SIZE.left - SIZE.right)) * (to - from);
    const near = series.map((one) => one.points.reduce((best, point) => (!best || Math.abs(point[0] - wanted) < Math.abs(best[0] - wanted) ? point : best), null));
    if (!near[0]) return;
    for (const name of ["x1", "x2"]) hair.setAttribute(name, x(near[0][0]));
    hair.setAttribute("visibility", "visible");
    tell(near);
  });
  svg.addEventListener("pointerleave", () => { hair.setAttribute("visibility", "hidden"); leave(); });
}

function short(value) {
  if (value >= 10000) return `${Math.round(value / 100) / 10}k`;
  return String(Number(value.toPrecision(3)));
}

function label(one, point, unit) {
  return `${one.name} ${point && point[1] !== null ? `${short(point[1])} ${unit}` : "–"}`;
}

// What a screen reader says of a chart.
function told(title, unit, series) {
  const words = series.map((one) => {
    const known = one.points.map((point) => point[1]).filter((value) => value !== null);
    if (!known.length) return `${one.name}: nothing yet`;
    return `${one.name}: now ${short(known.at(-1))}, lowest ${short(Math.min(...known))}, highest ${short(Math.max(...known))} ${unit}`;
  });
  return `${title}. ${words.join("; ")}`;
}
