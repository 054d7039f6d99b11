// Draws the kinds of panels that are no chart over time: stat, gauge, bar gauge, table, logs.
import { colour, tone } from "./colours.js";
import { element, shape } from "./elements.js";
import { format } from "./units.js";

const lookOf = (spec, own) => ({ unit: "short", ...spec.look, ...own.look });
const textOf = (spec, own) => own.text ?? format(lookOf(spec, own).unit, own.value, lookOf(spec, own).decimals);

// links: makes the ways that belong to a value. All give the nodes of the panel's body.
export function stat(spec, data, links) {
  const many = data.values.length > 1;
  return [element("div", { class: `stats${many ? " many" : ""}` }, ...data.values.map((own) => {
    const named = many || spec.names === "value_and_name" || spec.names === "name";
    const known = spec.uncoloured ? "" : tone(own.colour);
    const card = element("div", { class: `stat-card${spec.background ? " filled" : ""}${known ? ` tone-${known}` : ""}` },
      element("span", { class: "big" }, textOf(spec, own)),
      ...(named ? [element("span", { class: "under" }, own.name)] : []),
      ...(own.history ? [spark(own.history, own.colour)] : []),
      ...links(own, lookOf(spec, own)));
    if (!known && own.colour.startsWith("#")) card.style.color = own.colour;
    return card;
  }))];
}

function spark(values, name) {
  const known = values.filter((value) => value !== null);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const points = values.map((value, at) => (value === null ? "" : `${(100 * at) / Math.max(1, values.length - 1)},${24 - (22 * (value - low)) / (high - low || 1)}`));
  return shape("svg", { viewBox: "0 0 100 25", preserveAspectRatio: "none", class: "spark", "aria-hidden": "true" },
    shape("polyline", { points: points.filter(Boolean).join(" "), fill: "none", stroke: colour(name), "stroke-width": 1.5, "vector-effect": "non-scaling-stroke" }));
}

const share = (look, value) => {
  const [low, high] = [look.low ?? 0, look.high ?? 100];
  return Math.min(1, Math.max(0, ((value ?? low) - low) / (high - low || 1)));
};

export function bargauge(spec, data, links) {
  return [element("ul", { class: "bars" }, ...data.values.map((own) => {
    const look = lookOf(spec, own);
    const bar = element("span", { class: "bar-fill" });
    bar.style.width = `${100 * share(look, own.value)}%`;
    bar.style.background = colour(own.colour || "green");
    return element("li", {},
      element("span", { class: "bar-name", title: own.name }, own.name || "–"),
      element("span", { class: "bar-rail", role: "meter", "aria-label": own.name || spec.title || "value", "aria-valuenow": String(own.value ?? 0), "aria-valuemin": String(look.low ?? 0), "aria-valuemax": String(look.high ?? 100), "aria-valuetext": textOf(spec, own) }, bar),
      element("span", { class: "bar-value" }, textOf(spec, own)), ...links(own, look));
  }))];
}

// Three quarters of a circle, open below; the steps stand around it.
const [FROM, TURN, CX, CY] = [-210, 240, 60, 52];
const at = (part, radius) => {
  const angle = ((FROM + TURN * part) * Math.PI) / 180;
  return `${(CX + radius * Math.cos(angle)).toFixed(2)} ${(CY + radius * Math.sin(angle)).toFixed(2)}`;
};
const arc = (from, to, radius, width, stroke) =>
  shape("path", { d: `M ${at(from, radius)} A ${radius} ${radius} 0 ${TURN * (to - from) > 180 ? 1 : 0} 1 ${at(to, radius)}`, fill: "none", stroke, "stroke-width": width });

export function gauge(spec, data, links) {
  return [element("div", { class: "dials" }, ...data.values.map((own) => {
    const look = lookOf(spec, own);
    const steps = (look.steps ?? []).filter((step) => share(look, step.value) > 0);
    const ring = steps.map((step, number) => arc(share(look, step.value), number + 1 < steps.length ? share(look, steps[number + 1].value) : 1, 50, 2.5, colour(step.colour)));
    const part = share(look, own.value);
    return element("figure", { class: "dial" },
      shape("svg", { viewBox: "0 0 120 92", role: "img", "aria-label": `${own.name}: ${textOf(spec, own)}` },
        arc(0, 1, 42, 10, "var(--line)"), ...(part > 0.002 ? [arc(0, part, 42, 10, colour(own.colour || "green"))] : []), ...ring,
        shape("text", { x: CX, y: CY + 7, "text-anchor": "middle", class: "dial-text", fill: "currentColor" }, textOf(spec, own))),
      element("figcaption", {}, own.name, ...links(own, look)));
  }))];
}

const bare = (cell) => (cell !== null && typeof cell === "object" ? cell.value : cell);

function sorted(rows, place, down) {
  const by = (one, other) => {
    const [a, b] = [bare(one[place]), bare(other[place])];
    if (a === null || b === null || a === undefined || b === undefined) return (a ?? null) === null ? 1 : -1;
    return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
  };
  return [...rows].sort((one, other) => (down ? -by(one, other) : by(one, other)));
}

export function table(spec, data, links, kept) {
  const body = element("tbody");
  const wanted = kept.sort ?? first(spec, data);
  const fill = () => {
    const rows = kept.sort || wanted ? sorted(data.rows, ...(kept.sort ?? wanted)) : data.rows;
    body.replaceChildren(...rows.map((row) => element("tr", {}, ...row.map((cell, place) => shown(data.columns[place], cell, links, labelled(data, row))))));
  };
  const heads = data.columns.map((column, place) => {
    const button = element("button", { type: "button" }, column.name);
    const head = element("th", { scope: "col", "aria-sort": wanted?.[0] === place ? (wanted[1] ? "descending" : "ascending") : "none" }, button);
    button.addEventListener("click", () => {
      kept.sort = [place, kept.sort?.[0] === place ? !kept.sort[1] : typeof bare(data.rows[0]?.[place]) === "number"];
      for (const other of heads) other.setAttribute("aria-sort", other === head ? (kept.sort[1] ? "descending" : "ascending") : "none");
      fill();
    });
    return head;
  });
  fill();
  return [element("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Table" }, element("table", { class: "data" }, element("thead", {}, element("tr", {}, ...heads)), body))];
}

const first = (spec, data) => {
  const [name, down] = spec.sorted?.[0] ?? [];
  const place = data.columns.findIndex((column) => column.name === name);
  return place < 0 ? null : [place, down];
};

const labelled = (data, row) => Object.fromEntries(data.columns.map((column, place) => [column.name, String(bare(row[place]) ?? "")]));

function shown(column, cell, links, labels) {
  const value = bare(cell);
  const number = typeof value === "number";
  const text = (cell !== null && cell?.text) || (number ? format(column.unit ?? "short", value, column.decimals) : value ?? "");
  const known = cell !== null && typeof cell === "object" ? tone(cell.colour) : "";
  const inner = known ? element("span", { class: `badge tone-${known}` }, text) : text;
  return element("td", { class: number ? "numeric" : "" }, inner, ...(column.links ? links({ labels, value }, { links: column.links }) : []));
}

export function logs(spec, data) {
  const ordered = spec.ascending_lines ? [...data.lines].reverse() : data.lines;
  return [element("ol", { class: `lines${spec.unwrapped ? " unwrapped" : ""}`, tabindex: "0", "aria-label": "Log lines" }, ...ordered.map((line) => {
    const moment = new Date(line.time * 1000);
    const stamp = spec.lines_shown ? [element("time", { datetime: moment.toISOString() }, moment.toLocaleString(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" })), " "] : [];
    return element("li", { class: line.level }, element("span", { class: "meta" }, ...stamp, element("b", {}, line.source)), element("span", { class: "text" }, line.text));
  }))];
}
