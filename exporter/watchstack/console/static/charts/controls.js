// The row above a dashboard's panels: time, variables, events, refresh, and the ways on.
import { element } from "./elements.js";
import { ALL, moment } from "./places.js";

const byId = (id) => document.getElementById(id);
const local = (seconds) => {
  const date = new Date(seconds * 1000);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60000).toISOString().slice(0, 19);
};
const short = (seconds) => new Date(seconds * 1000).toLocaleString(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

export class Controls {
  // changed: asks for the data again.
  constructor(page, place, changed) {
    Object.assign(this, { page, place, changed, off: new Set(), known: [] });
    this.form = byId("controls");
    this.form.addEventListener("submit", (event) => event.preventDefault());
    for (const radio of this.form.elements.range) radio.addEventListener("change", () => this.range(radio.value, "now"));
    byId("range-show").addEventListener("click", () => this.absolute());
    byId("again").addEventListener("click", () => changed());
    byId("refresh").value = [...byId("refresh").options].some((one) => Number(one.value) === page.refresh) ? String(page.refresh) : "0";
    for (const [name, box] of place.variables()) if (box.tagName === "INPUT") this.typed(name, box);
    document.addEventListener("click", (event) => this.close(event.target));
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") this.close(null); });
    this.show();
  }

  seconds() {
    return Number(byId("refresh").value);
  }

  range(from, to) {
    Object.assign(this.place, { from, to });
    this.go();
  }

  absolute() {
    const [from, to] = ["range-from", "range-to"].map((id) => new Date(byId(id).value).getTime());
    if (!(from < to)) return byId("range-to").setCustomValidity("The end must be after the start."), byId("range-to").reportValidity();
    byId("range-to").setCustomValidity("");
    this.close(null);
    this.range(String(from), String(to));
  }

  go() {
    this.place.write();
    this.show();
    this.changed();
  }

  // What is chosen, and where the links lead from here.
  show() {
    const { place } = this;
    const [from, to] = [moment(place.from), moment(place.to)];
    let named = false;
    for (const radio of this.form.elements.range) {
      radio.checked = radio.value === place.from && place.to === "now";
      named ||= radio.checked;
    }
    byId("range-words").textContent = named ? "From – to" : `${short(from)} – ${short(to)}`;
    byId("range-from").value = local(from);
    byId("range-to").value = local(to);
    for (const [name, box] of place.variables()) {
      if (box.tagName === "INPUT") box.value = place.chosen[name][0] ?? box.defaultValue;
      else box.querySelector(".now").textContent = this.words(box, this.values(name, box));
    }
    this.links();
  }

  values(name, box) {
    const told = this.place.chosen[name];
    return told.length ? told : JSON.parse(box.dataset.chosen);
  }

  words(box, values) {
    if (!values.length || values.includes(ALL)) return box.dataset.all ? "All" : (values[0] ?? "–");
    return values.length > 2 ? `${values.length} chosen` : values.join(", ");
  }

  typed(name, box) {
    box.addEventListener("change", () => { this.place.chosen[name] = [box.value]; this.go(); });
    box.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); box.dispatchEvent(new Event("change")); } });
  }

  // What the variables can be, as the server found it.
  options(told) {
    for (const [name, box] of this.place.variables()) {
      if (box.tagName === "INPUT" || !told[name] || box.open) continue;
      const values = told[name].values;
      let chosen = this.values(name, box);
      if (!chosen.length && !box.dataset.all) chosen = values.slice(0, 1); // the server begins with it, too
      const kind = box.dataset.multi ? "checkbox" : "radio";
      const all = box.dataset.all ? [[ALL, "All"]] : [];
      const rest = [...new Set([...values, ...chosen.filter((one) => one !== ALL)])].map((one) => [one, one]);
      const entry = ([value, words]) => {
        const input = element("input", { type: kind, name: `var-${name}`, value });
        input.checked = chosen.includes(value) || (value === ALL && !chosen.length);
        input.addEventListener("change", () => this.pick(name, box, value));
        return element("li", {}, element("label", {}, input, element("span", {}, words)));
      };
      const trouble = told[name].problem ? [element("li", { class: "note" }, told[name].problem)] : rest.length ? [] : [element("li", { class: "note" }, "There is none now.")];
      box.querySelector(".options").replaceChildren(...[...all, ...rest].map(entry), ...trouble);
      box.querySelector(".now").textContent = this.words(box, chosen);
    }
  }

  pick(name, box, value) {
    const inputs = [...box.querySelectorAll("input")];
    for (const one of inputs) if (box.dataset.multi && (value === ALL) !== (one.value === ALL)) one.checked = false;
    const values = inputs.filter((one) => one.checked).map((one) => one.value);
    if (!values.length && box.dataset.all) {
      values.push(ALL);
      inputs.find((one) => one.value === ALL).checked = true;
    }
    this.place.chosen[name] = values;
    this.go();
  }

  // A switch for each kind of events. changed: draws them again.
  kinds(known, changed) {
    for (const kind of known) if (!kind.on && !this.known.some((one) => one.name === kind.name)) this.off.add(kind.name);
    this.known = known;
    byId("marks").replaceChildren(...known.map((kind) => {
      const box = element("input", { type: "checkbox" });
      box.checked = !this.off.has(kind.name);
      box.addEventListener("change", () => { this.off[box.checked ? "delete" : "add"](kind.name); changed(); });
      return element("label", { class: "switch", title: kind.problem ?? `Shown as lines in the charts: ${kind.marks.length} in this time` }, box, ` ${kind.name} ${kind.problem ? "?" : kind.marks.length}`);
    }));
  }

  marks() {
    return this.known.filter((kind) => !this.off.has(kind.name)).flatMap((kind) => kind.marks.map((mark) => ({ ...mark, colour: kind.colour })));
  }

  links() {
    const { page, place } = this;
    byId("ways-on").replaceChildren(...page.links.flatMap((link) => {
      if (link.kind === "tags") return [this.shelf(link)];
      const address = place.address(link);
      return address ? [element("a", { href: address, ...(link.window && link.kind === "page" && address !== "/" ? { target: "_blank", rel: "noreferrer" } : {}) }, link.title)] : [];
    }));
    if (byId("in-grafana")) byId("in-grafana").href = `${page.grafana}/d/${page.uid}?${place.query()}`;
  }

  // The dashboards of a tag, asked for when it is opened.
  shelf(link) {
    const list = element("ul", { class: "options" });
    const box = element("details", { class: "variable" }, element("summary", {}, link.title), element("div", { class: "pop" }, list));
    box.addEventListener("toggle", async () => {
      if (!box.open || list.children.length) return;
      const answer = await fetch(`/api/dashboards?tag=${encodeURIComponent(link.tags?.[0] ?? "")}`);
      const told = answer.ok ? (await answer.json()).dashboards : [];
      const query = link.time ? this.place.query(link.variables) : "";
      list.replaceChildren(...told.map((one) => element("li", {}, element("a", { href: `/dashboards/${one.uid}${query.size ? `?${query}` : ""}` }, one.title))));
    });
    return box;
  }

  close(target) {
    for (const box of document.querySelectorAll("#dashboard details[open]")) if (!target || !box.contains(target)) box.open = false;
  }
}
