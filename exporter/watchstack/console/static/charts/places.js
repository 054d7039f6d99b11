// Which part of the world a dashboard shows: time range, variables, and the addresses that carry both along.
const RELATIVE = /^now(?:-(\d{1,6})([smhdwMy]))?$/;
const SECONDS = { s: 1, m: 60, h: 3600, d: 86400, w: 604800, M: 2592000, y: 31536000 };
export const ALL = "$__all";

// Unix seconds of `now-1h` or milliseconds.
export function moment(text, now = Date.now() / 1000) {
  const [, count, unit] = RELATIVE.exec(text) ?? [];
  if (RELATIVE.test(text)) return count ? now - Number(count) * SECONDS[unit] : now;
  return Number(text) / 1000;
}

const good = (text) => RELATIVE.test(text ?? "") || /^\d{1,15}$/.test(text ?? "");

export class Place {
  // page: what the server says of the dashboard.
  constructor(page) {
    this.page = page;
    this.chosen = {}; // name → values
    this.read();
  }

  read() {
    const told = new URLSearchParams(location.search);
    const [from, to] = [told.get("from"), told.get("to")];
    this.from = good(from) ? from : this.page.usual[0];
    this.to = good(to) ? to : this.page.usual[1];
    if (!(moment(this.from) < moment(this.to))) [this.from, this.to] = this.page.usual;
    this.variables().forEach(([name]) => { this.chosen[name] = told.getAll(`var-${name}`); });
  }

  variables() {
    return [...document.querySelectorAll("[data-variable]")].map((one) => [one.dataset.variable, one]);
  }

  // Parameters of the time and, if wanted, of the variables.
  query(variables = true) {
    const found = new URLSearchParams({ from: this.from, to: this.to });
    if (variables) for (const [name, values] of Object.entries(this.chosen)) for (const value of values) found.append(`var-${name}`, value);
    return found;
  }

  write() {
    history.pushState(null, "", `${location.pathname}?${this.query()}`);
  }

  // `${__from}`, `${name}`, `${__field.labels.x}`
  fill(text, labels) {
    return text.replace(/\$\{([\w.]+)(?::\w+)?\}|\$(\w+)/g, (whole, braced, bare) => {
      const name = braced ?? bare;
      if (name === "__from") return this.from;
      if (name === "__to") return this.to;
      if (name.startsWith("__field.labels.")) return labels[name.slice(15)] ?? "";
      return name in this.chosen ? this.chosen[name].join(",") : whole;
    });
  }

  // The address of a link of this console; "" for one that leads nowhere now.
  address(link, labels = {}) {
    if (link.kind === "page") return link.address;
    if (link.kind === "logs") return this.page.logs ? this.logs(link.expr ?? "") : "";
    if (link.kind !== "dashboard") return "";
    const query = link.time ? this.query(link.variables) : link.variables ? this.only() : new URLSearchParams();
    for (const [name, value] of link.query ?? []) {
      if (value === "") for (const one of this.chosen[name] ?? []) query.append(`var-${name}`, one);
      else query.set(name, this.fill(value, labels));
    }
    return `/dashboards/${link.uid}${query.size ? `?${query}` : ""}`;
  }

  only() {
    const query = this.query();
    query.delete("from");
    query.delete("to");
    return query;
  }

  // The log page at this time, of the service where one is chosen and the query is about it.
  logs(expr) {
    const iso = (text) => new Date(moment(text) * 1000).toISOString();
    const query = new URLSearchParams({ start: iso(this.from), end: iso(this.to) });
    const [name] = Object.keys(this.chosen).filter((one) => expr.includes(`$${one}`) || expr.includes(`\${${one}`));
    const [value, ...others] = this.chosen[name] ?? [];
    if (value && value !== ALL && !others.length) query.set("service", value);
    return `/logs?${query}`;
  }
}
