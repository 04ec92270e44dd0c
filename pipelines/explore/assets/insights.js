// Insights of the result beside those of the whole version. What is clicked becomes a condition of the query.

import { call, cancelled, newest } from "./api.js";
import { barsOf, histogramOf, timelineOf } from "./compared.js";
import { contrast, contrastOfDates, gapOf, inWords } from "./differences.js";
import { chosen, conditions, fieldPath, leastOf, mentioned, quotedLabel, quotedValue, replaced, toggled, withBox, withRange, withValue } from "./query.js";
import { go, state } from "./state.js";
import { mapOf } from "./worldmap.js";

const PINS = "metadata-etl-pins";
const LEADING = 3;
const NOTICED = 0.05;
const quotedDay = (day) => (day.endsWith("-99") ? `"${day}"` : day);
const ON_RECORDS = new Set(["annotations", "predictions"]);

export function insightsPanel() {
  const cards = element("ul", { class: "cards", role: "list", "aria-label": "Fields" });
  const search = element("input", { name: "insights-5", type: "search", "aria-label": "Search fields and values", placeholder: "Field or value", oninput: () => arrange() });
  const order = element("select", { name: "insights-6", "aria-label": "Order of the fields", onchange: () => arrange() }, [["name", "By name"], ["difference", "By difference"]].map(([value, said]) => element("option", { value }, said)));
  const status = element("p", { class: "note insights-status", role: "status" });
  const apart = element("div", { class: "apart", hidden: true });
  const absent = element("details", { class: "absent", hidden: true }, element("summary", {}), element("ul", { class: "cards", role: "list", "aria-label": "Fields without values here" }));
  const tools = element("div", { class: "insights-tools" }, search, order);
  const panel = element("section", { class: "insights", id: "insights", "aria-labelledby": "insights-title" }, element("h2", { id: "insights-title", class: "sr" }, "Insights of the result"), tools, status, apart, cards, absent);
  const ask = newest();
  const known = new Map();
  let fields = [];
  let wanted = "";
  let query = ""; // of what is drawn

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

  /** Paper has no view to come into: all cards are drawn. */
  addEventListener("beforeprint", () => {
    for (const { item } of fields) if (!item.querySelector(".card-body").hasChildNodes()) item.draw();
  });

  /** @param told Of the result: { gap, absent, said }, as `contrast` gives them; null without a query. */
  function card({ name, type, told, asked, make, values = [] }) {
    const body = element("div", { class: "card-body" });
    const pinned = element("button", { type: "button", class: "pin", "aria-pressed": "false", "aria-label": `Pin ${plain(name)}`, onclick: () => pin(name) }, "★");
    const differs = told?.said ? element("p", { class: "differs", title: `How much it differs beyond chance, from 0 to 1 (Jensen-Shannon): ${told.gap.toFixed(2)}` }, told.said) : null;
    const item = element("li", { class: "card" }, element("h3", {}, shown(name), element("span", { class: "type" }, type), pinned), body, differs);
    item.draw = () => body.replaceChildren(...[make()].flat());
    seen.observe(item);
    const has = (text) => !text || [name, ...values].some((each) => each.toLowerCase().includes(text));
    return { name, told, asked, item, pinned, has };
  }

  function fieldCard(group, key, version, part, records, count, type) {
    const path = fieldPath(key);
    const make = () => {
      if (version.histogram) return histogramOf({ name: plain(key), version, part, pick: (first, last) => put(withRange(query, path, ...range(path, version.histogram.edges, first, last))) });
      const rows = version.frequencies.map((each, at) => ({ value: each.value, all: each.count, some: part ? part.frequencies[at].count : null }));
      const on = chosen(query, path);
      return barsOf({ name: plain(key), rows, total: records, count, on: (value) => on.includes(quotedValue(value)), pick: (value) => put(withValue(query, path, quotedValue(value))) });
    };
    return card({ name: key, type, told: part && count ? contrast(version, part, records, count) : null, asked: mentioned(query).includes(key), make, values: version.frequencies?.map((each) => each.value) });
  }

  /** A card of dates. What is dragged over becomes a range of days, the last of them excluded. */
  function dateCard(group, key, version, part, records, count, type) {
    const path = fieldPath(key);
    const bins = timelineBins(version);
    const pick = (first, last) => put(withRange(query, path, `${path} >= ${bins.from[first]}`, `${path} < ${quotedDay(bins.from[last + 1])}`));
    const make = () => timelineOf({ name: plain(key), bins, version, part, pick });
    const told = part && count ? contrastOfDates(version, part, bins, records, count) : null;
    return card({ name: key, type: `${type}, dates`, told, asked: mentioned(query).includes(key), make });
  }

  /** How many annotations a record has at least, of a label or type that is asked for: a number to change. */
  function atLeast(value, path, query) {
    const { condition, least } = leastOf(query, path);
    const change = (event) => {
      const now = Math.max(1, Math.trunc(Number(event.target.value)) || 1);
      put(replaced(query, condition, now === 1 ? `${path} > 0` : `${path} >= ${now}`));
    };
    const input = element("input", { name: "insights-7", type: "number", min: "1", value: String(least), onchange: change });
    return element("label", { class: "at-least" }, "at least ", input, " ", shown(value), " in a record");
  }

  /** A card of labels or types; what a click asks for depends on what is listed. */
  function wordCard(group, name, version, part) {
    const own = ON_RECORDS.has(group);
    const column = name === "labels" ? "label" : "type";
    const path = (value) => (name === "labels" ? `annotations.${quotedLabel(value)}` : `annotations.${value}.count`);
    const condition = (value) => (own ? `${column} = ${quotedValue(value)}` : `${path(value)} > 0`);
    const some = part && new Map(part.map((each) => [each.value, each.count]));
    const rows = version.map((each) => ({ value: each.value, all: each.count, some: some ? some.get(each.value) ?? 0 : null }));
    const [all, found] = [d3.sum(rows, (row) => row.all), d3.sum(rows, (row) => row.some ?? 0)];
    const parts = conditions(query);
    const asked = (value) => (own ? parts.find((each) => each === condition(value)) : leastOf(query, path(value))?.condition);
    const make = () => [
      barsOf({ name: plain(name), rows, total: all, count: found, on: (value) => Boolean(asked(value)), pick: (value) => put(toggled(query, asked(value) ?? condition(value))) }),
      ...(own ? [] : rows.filter(({ value }) => asked(value)).map(({ value }) => atLeast(value, path(value), query))),
    ];
    const told = part && found ? { gap: gapOf(rows.map((row) => row.some), rows.map((row) => row.all)), absent: false, said: inWords(rows, all, found) } : null;
    return card({ name, type: own ? `of ${group}` : "of annotations", told, asked: own ? parts.some((each) => each.startsWith(column)) : query.includes("annotations."), make, values: rows.map((row) => row.value) });
  }

  const put = (query) => go({ query, offset: "", record: "", at: "" });

  function range(path, edges, first, last) {
    const top = last === edges.length - 2;
    return [`${path} >= ${edges[first]}`, `${path} ${top ? "<=" : "<"} ${edges[last + 1]}`];
  }

  function render(version, part, schema) {
    tools.hidden = false;
    const { group } = state();
    const records = version.count;
    seen.disconnect();
    const dates = Object.entries(version.timelines).map(([key, each]) => [key, dateCard(group, key, each, part?.timelines[key], records, part?.count ?? 0, schema[group].fields[key].type)]);
    const others = Object.entries(version.fields).filter(([key]) => !version.timelines[key]);
    const numbersAndCategories = others.map(([key, field]) => [key, fieldCard(group, key, field, part?.fields[key], records, part?.count ?? 0, schema[group].fields[key].type)]);
    fields = [...dates, ...numbersAndCategories].sort(([one], [other]) => d3.ascending(one, other)).map(([, each]) => each);
    const words_ = (name) => (version[name].length ? [wordCard(group, name, version[name], part?.[name])] : []);
    fields = [...words_("labels"), ...fields, ...words_("types")];
    if (version.locations) {
      const active = conditions(query).some((each) => each.startsWith("location WITHIN "));
      fields.push(card({ name: "locations", type: "map", told: part?.count ? { gap: 0, absent: !part.locations.count, said: "" } : null, asked: active, make: () => mapOf({ version: version.locations, part: part?.locations, active, pick: (box) => put(withBox(query, box)) }) }));
    }
    order.querySelector('[value="difference"]').disabled = !part;
    status.replaceChildren(...(part ? [`${whole(part.count)} of ${plural(records, "record")}: `, element("span", { class: "key colour" }, "result"), " ", element("span", { class: "key grey" }, "all")] : [`All ${plural(records, "record")}`]));
    leading(part);
    arrange();
  }

  /** The fields that differ most, in words; not those that the query asks for, of which that is no news. */
  function leading(part) {
    const found = fields.filter((each) => each.told && !each.asked && each.told.gap >= NOTICED).sort((one, other) => other.told.gap - one.told.gap).slice(0, LEADING);
    apart.hidden = !part?.count;
    apart.replaceChildren(
      element("h3", {}, "What sets these apart"),
      found.length
        ? element("ol", {}, found.map(({ name, told, item }) => element("li", {}, element("button", { type: "button", class: "quiet", onclick: () => reveal(item) }, shown(name)), element("span", { class: "note" }, told.said))))
        : element("p", { class: "note" }, "No other field differs by more than chance."),
    );
  }

  function reveal(item) {
    if (absent.contains(item)) absent.open = true;
    item.scrollIntoView({ block: "nearest" });
    item.querySelector(".pin").focus();
  }

  function arrange() {
    const now = pins();
    const text = search.value.trim().toLowerCase();
    const rank = (each) => (each.asked ? -1 : each.told?.gap ?? -2);
    const by = order.value === "difference" ? (one, other) => rank(other) - rank(one) : () => 0;
    const sorted = fields.map((each, at) => ({ each, at })).sort((one, other) => now.has(other.each.name) - now.has(one.each.name) || by(one.each, other.each) || one.at - other.at);
    for (const { each } of sorted) {
      each.item.hidden = !each.has(text);
      each.pinned.setAttribute("aria-pressed", String(now.has(each.name)));
    }
    const away = ({ each }) => Boolean(each.told?.absent && !text && !now.has(each.name));
    cards.replaceChildren(...sorted.filter((each) => !away(each)).map(({ each }) => each.item));
    const without = sorted.filter(away);
    absent.hidden = !without.length;
    absent.firstChild.textContent = `${plural(without.length, "field")} without values here`;
    absent.lastChild.replaceChildren(...without.map(({ each }) => each.item));
  }

  /** No fields, and why. */
  function without(said) {
    panel.inert = false;
    fields = [];
    apart.hidden = true;
    status.textContent = said;
    tools.hidden = true;
    arrange();
  }

  /** Shows the insights of a query; in grey, where it is not the one that is asked. */
  async function load(schema, asked, greyed) {
    const { group, version } = state();
    const key = JSON.stringify([group, version]);
    wanted = JSON.stringify([group, asked, version, greyed]);
    const mine = wanted;
    panel.setAttribute("aria-busy", "true");
    try {
      if (!known.has(key)) known.set(key, await call("insights", { group, version }));
      const part = asked ? await ask("insights", { group, query: asked, version }) : null;
      if (mine !== wanted) return;
      query = asked;
      panel.inert = greyed;
      render(known.get(key), part, schema);
    } catch (error) {
      if (cancelled(error) || mine !== wanted) return;
      if (error.status !== 400) without(error.message);
      else if (greyed) without("");
    } finally {
      if (mine === wanted) panel.removeAttribute("aria-busy");
    }
  }

  return { node: panel, load };
}
