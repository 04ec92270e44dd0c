// Insights of the result beside those of the whole version. What is clicked becomes a condition of the query.

import { call, cancelled, newest } from "./api.js";
import { barsOf, difference, histogramOf } from "./compared.js";
import { chosen, conditions, fieldPath, quotedLabel, quotedValue, toggled, withBox, withRange, withValue } from "./query.js";
import { go, state } from "./state.js";
import { mapOf } from "./worldmap.js";

const PINS = "metadata-etl-pins";
const ON_RECORDS = new Set(["annotations", "predictions"]);

export function insightsPanel() {
  const cards = element("ul", { class: "cards", role: "list", "aria-label": "Fields" });
  const search = element("input", { name: "insights-5", type: "search", "aria-label": "Search fields", placeholder: "Search fields", oninput: () => arrange() });
  const order = element("select", { name: "insights-6", "aria-label": "Order of the fields", onchange: () => arrange() }, [["name", "By name"], ["difference", "By difference"]].map(([value, said]) => element("option", { value }, said)));
  const status = element("p", { class: "note insights-status", role: "status" });
  const panel = element("section", { class: "insights", id: "insights", "aria-label": "Insights of the result" }, element("div", { class: "insights-tools" }, search, order), status, cards);
  const ask = newest();
  const known = new Map();
  let fields = [];
  let wanted = "";

  const pins = () => { try { return new Set(JSON.parse(localStorage.getItem(PINS) ?? "[]")); } catch { return new Set(); } };
  function pin(name) {
    const now = pins();
    if (!now.delete(name)) now.add(name);
    try { localStorage.setItem(PINS, JSON.stringify([...now])); } catch { /* for this visit only */ }
    arrange();
  }

  const seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) if (isIntersecting) {
      seen.unobserve(target);
      target.draw();
    }
  }, { rootMargin: "300px" });

  function card({ name, type, gap, make }) {
    const body = element("div", { class: "card-body" });
    const pinned = element("button", { type: "button", class: "pin", "aria-pressed": "false", "aria-label": `Pin ${name}`, onclick: () => pin(name) }, "★");
    const differs = gap === null ? null : element("span", { class: "differs", title: "How much the result differs from the whole, from 0 to 1 (Jensen-Shannon)" }, gap.toFixed(2));
    const item = element("li", { class: "card" }, element("h3", {}, shown(name), element("span", { class: "type" }, type), differs, pinned), body);
    item.draw = () => body.replaceChildren(make());
    seen.observe(item);
    return { name, gap: gap ?? 0, item, pinned, key: `${type}/${name}` };
  }

  function fieldCard(group, key, version, part, records, count, type) {
    const path = fieldPath(key);
    const { query } = state();
    const make = () => {
      if (version.histogram) return histogramOf({ name: plain(key), version, part, pick: (first, last) => put(withRange(query, path, ...range(path, version.histogram.edges, first, last))) });
      const rows = version.frequencies.map((each, at) => ({ value: each.value, all: each.count, some: part ? part.frequencies[at].count : null }));
      const on = chosen(query, path);
      return barsOf({ name: plain(key), rows, total: records, count, on: (value) => on.includes(quotedValue(value)), pick: (value) => put(withValue(query, path, quotedValue(value))) });
    };
    return card({ name: key, type, gap: part ? difference(version, part, records, count) : null, make });
  }

  /** A card of labels or types; what a click asks for depends on what is listed. */
  function wordCard(group, name, version, part) {
    const own = ON_RECORDS.has(group);
    const { query } = state();
    const column = name === "labels" ? "label" : "type";
    const condition = (value) => (own ? `${column} = ${quotedValue(value)}` : name === "labels" ? `annotations.${quotedLabel(value)} > 0` : `annotations.${value}.count > 0`);
    const some = part && new Map(part.map((each) => [each.value, each.count]));
    const rows = version.map((each) => ({ value: each.value, all: each.count, some: some ? some.get(each.value) ?? 0 : null }));
    const [all, found] = [d3.sum(rows, (row) => row.all), d3.sum(rows, (row) => row.some ?? 0)];
    const parts = conditions(query);
    const make = () => barsOf({ name: plain(name), rows, total: all, count: found, on: (value) => parts.includes(condition(value)), pick: (value) => put(toggled(query, condition(value))) });
    return card({ name, type: own ? `of ${group}` : "of annotations", gap: null, make });
  }

  const put = (query) => go({ query, offset: "", record: "", at: "" });

  function range(path, edges, first, last) {
    const top = last === edges.length - 2;
    return [`${path} >= ${edges[first]}`, `${path} ${top ? "<=" : "<"} ${edges[last + 1]}`];
  }

  function render(version, part, schema) {
    const { group, query } = state();
    const records = version.count;
    seen.disconnect();
    fields = Object.entries(version.fields).map(([key, field]) => fieldCard(group, key, field, part?.fields[key], records, part?.count ?? 0, schema[group].fields[key].type));
    const words_ = (name) => (version[name].length ? [wordCard(group, name, version[name], part?.[name])] : []);
    fields = [...words_("labels"), ...fields, ...words_("types")];
    if (version.locations) {
      const active = conditions(query).some((each) => each.startsWith("location WITHIN "));
      fields.push(card({ name: "locations", type: "map", gap: null, make: () => mapOf({ version: version.locations, part: part?.locations, active, pick: (box) => put(withBox(query, box)) }) }));
    }
    order.querySelector('[value="difference"]').disabled = !part;
    status.textContent = part ? `${whole(part.count)} of ${plural(records, "record")}: the result in colour, all of them in grey` : `All ${plural(records, "record")}`;
    arrange();
  }

  function arrange() {
    const now = pins();
    const text = search.value.trim().toLowerCase();
    const by = order.value === "difference" ? (one, other) => other.gap - one.gap : () => 0;
    const sorted = fields.map((each, at) => ({ each, at })).sort((one, other) => now.has(other.each.name) - now.has(one.each.name) || by(one.each, other.each) || one.at - other.at);
    for (const { each } of sorted) {
      each.item.hidden = !each.name.toLowerCase().includes(text);
      each.pinned.setAttribute("aria-pressed", String(now.has(each.name)));
    }
    cards.replaceChildren(...sorted.map(({ each }) => each.item));
  }

  async function load(schema) {
    const { group, query, version } = state();
    const key = JSON.stringify([group, version]);
    wanted = JSON.stringify([group, query, version]);
    const mine = wanted;
    panel.setAttribute("aria-busy", "true");
    try {
      if (!known.has(key)) known.set(key, await call("insights", { group, version }));
      const part = query ? await ask("insights", { group, query, version }) : null;
      if (mine === wanted) render(known.get(key), part, schema);
    } catch (error) {
      if (!cancelled(error)) status.textContent = error.status === 400 ? "" : error.message;
    } finally {
      if (mine === wanted) panel.removeAttribute("aria-busy");
    }
  }

  return { node: panel, load };
}
