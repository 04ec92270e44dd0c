// The records of the result: a table or a grid of images, sorted, loaded as one scrolls.

import { call, cancelled } from "./api.js";
import { chunked } from "./chunks.js";
import { picture } from "./place.js";
import { conditions, fieldPath, mentioned, toggled } from "./query.js";
import { address, go, state } from "./state.js";
import { inline } from "./trees.js";

const PAGE = 60;
const MOST = 200_000; // of one list: browsers lay out nothing that is higher than some ten million pixels
const FIRST = 7;
const [CARD, GAP] = [11.5, 0.9]; // of the grid, in rem, as its style has them
const CORE = {
  items: ["image_url", "width", "height", "scene_reference_id", "frame_index", "sensor"],
  scenes: ["type", "video_url", "frame_rate", "frame_count"],
  annotations: ["label", "type", "annotation_id", "taxonomy_name", "track_reference_id"],
  predictions: ["model_run", "label", "confidence", "type", "annotation_id", "taxonomy_name"],
};
const SHOWN = { items: [], scenes: ["type", "frame_count"], annotations: ["label", "type"], predictions: ["model_run", "label", "confidence", "type"] };

/** What names a record in the address and to the server. */
export function nameOf(group, row) {
  const name = { reference_id: row.reference_id };
  if (group === "annotations" || group === "predictions")
    for (const key of ["annotation_id", "model_run", "type", "label", "taxonomy_name", "segment_index"]) if (row[key] !== null && row[key] !== undefined) name[key] = String(row[key]);
  return name;
}

export function recordsPanel({ images }) {
  const count = element("p", { class: "count", role: "status" });
  const body = element("div", { class: "rows" });
  const sentinel = element("div", { class: "sentinel" });
  const jump = element("input", { name: "records-8", type: "number", min: "1", class: "jump", "aria-label": "Go to record number", placeholder: "Go to nr.", onchange: () => go({ offset: jump.value > 1 ? String(jump.value - 1) : "" }) });
  const choose = element("details", { class: "columns-choice" }, element("summary", {}, "Columns"), element("div", { class: "menu" }));
  const views = element("div", { class: "views", role: "group", "aria-label": "View" }, [["table", "Table"], ["grid", "Grid"]].map(([name, said]) => element("button", { type: "button", "data-view": name, onclick: () => go({ view: name }) }, said)));
  const panel = element("section", { class: "records", id: "results", tabindex: "-1", "aria-label": "Records" }, element("div", { class: "records-tools" }, count, jump, choose, views), body, sentinel);
  let [controller, list] = [null, null];
  let schema = null;
  let given = new Set();

  function columns() {
    const { group, query, columns: chosen } = state();
    if (chosen) {
      try {
        const wanted = JSON.parse(chosen);
        if (Array.isArray(wanted)) return wanted.filter((each) => typeof each === "string");
      } catch { /* those of the query, then */ }
    }
    const fields = schema[group].fields;
    const asked = mentioned(query).filter((key) => key in fields);
    // Of the others those that the first of these records have: a column of dashes tells nothing, nor does one of attachments, which a record shows.
    const others = Object.keys(fields).filter((key) => !asked.includes(key) && given.has(key) && key !== "context_attachments").sort((one, other) => (fields[one].storage === "json") - (fields[other].storage === "json"));
    return [...SHOWN[group], ...[...asked, ...others].slice(0, Math.max(FIRST, asked.length)).map((key) => `metadata.${key}`)];
  }

  const valueOf = (row, column) => (column.startsWith("metadata.") ? row.metadata[column.slice(9)] : column === "location" ? row.location && `${row.location.latitude}, ${row.location.longitude}` : row[column]);
  const pathOf = (column) => (column.startsWith("metadata.") ? fieldPath(column.slice(9)) : column);
  const typeOf = (column) => schema[state().group].fields[column.slice(9)]?.storage;
  const sortable = (column) => (column.startsWith("metadata.") ? typeOf(column) !== "json" : column !== "location");
  const isNumber = (column) => (column.startsWith("metadata.") ? ["long", "double"].includes(typeOf(column)) : ["width", "height", "frame_index", "frame_rate", "frame_count", "confidence"].includes(column));

  function menu() {
    const { group } = state();
    const now = columns();
    const known = [...CORE[group], "location", ...Object.keys(schema[group].fields).map((key) => `metadata.${key}`)];
    const pick = (column, on) => go({ columns: JSON.stringify(on ? [...columns(), column] : columns().filter((each) => each !== column)) }, { replace: true });
    choose.lastChild.replaceChildren(
      element("button", { type: "button", class: "quiet", onclick: () => go({ columns: "" }, { replace: true }) }, "As the query has them"),
      ...known.slice(0, 500).map((column) => element("label", {}, element("input", { name: "records-9", type: "checkbox", checked: now.includes(column), onchange: (event) => pick(column, event.target.checked) }), shown(column.replace(/^metadata\./, "")))),
    );
  }

  const asked = (row) => ({ group: state().group, ...nameOf(state().group, row) });
  const opened = (row, at) => ({ record: JSON.stringify(nameOf(state().group, row)), at: String(at) });

  function opener(row, at, ...content) {
    const link = element("a", { href: address(opened(row, at)), class: "open" }, ...content);
    link.addEventListener("click", (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
      event.preventDefault();
      go(opened(row, at));
    });
    return link;
  }

  function headOf(names) {
    const { sort, descending } = state();
    const heading = (column) => {
      const path = pathOf(column);
      const on = sort === path;
      const next = !on ? { sort: path, descending: "" } : descending ? { sort: "", descending: "" } : { sort: path, descending: "true" };
      const said = shown(column.replace(/^metadata\./, ""));
      return element("th", { scope: "col", class: isNumber(column) ? "number" : null, "aria-sort": on ? (descending ? "descending" : "ascending") : null }, sortable(column) ? element("button", { type: "button", onclick: () => go({ ...next, offset: "" }) }, said, element("span", { class: "arrow", "aria-hidden": "true" }, on ? (descending ? "↓" : "↑") : "")) : said);
    };
    const first = [hasImages() ? element("th", { scope: "col" }, element("span", { class: "sr" }, "Image")) : null, heading("reference_id")];
    return element("thead", {}, element("tr", {}, first, names.map(heading)));
  }

  const hasImages = () => state().group === "items" && images.mode !== "off";
  const imageOf = (row, options) => picture(row.image_url ?? row.video_url, asked(row), images, options);

  function tableRow(row, at, names) {
    return element("tr", { "aria-rowindex": at - Number(state().offset || 0) + 2 }, hasImages() ? element("td", { class: "thumb" }, row.image_url ? imageOf(row) : null) : null, element("th", { scope: "row" }, opener(row, at, shown(row.reference_id))), names.map((column) => element("td", { class: isNumber(column) ? "number" : null }, inline(valueOf(row, column)))));
  }

  function gridCard(row, at, names) {
    const { group } = state();
    const said = names.slice(0, 3).filter((column) => valueOf(row, column) !== undefined && valueOf(row, column) !== null).map((column) => element("span", {}, element("span", { class: "value-name" }, shown(column.replace(/^metadata\./, "")), " "), inline(valueOf(row, column))));
    const top = element("span", { class: "card-image" });
    if (group === "items") top.append(row.image_url ? imageOf(row) : element("span", { class: "picture" }, element("span", { class: "placeholder" }, row.pointcloud_url ? "point cloud" : "no image")));
    else later(top, row, group);
    return element("li", {}, opener(row, at, top, element("span", { class: "card-name" }, shown(row.reference_id)), element("span", { class: "card-values" }, said)));
  }

  const waiting = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) if (isIntersecting) (waiting.unobserve(target), target.load());
  }, { rootMargin: "200px" });

  /** Scenes show their first frame, annotations their item with the place of the annotation; asked for when seen. */
  function later(top, row, group) {
    top.append(element("span", { class: "picture" }, element("span", { class: "placeholder" }, row.label ?? row.type ?? "")));
    if (images.mode === "off") return;
    top.load = async () => {
      try {
        const found = await call("record", { group, ...nameOf(group, row), version: state().version });
        const item = found.item ?? found.frames.find((each) => each.image_url);
        if (!item?.image_url) return;
        const made = picture(item.image_url, { group: "items", reference_id: item.reference_id }, images, { loaded: (image, frame) => group !== "scenes" && crop(image, frame, row.geometry) });
        top.replaceChildren(made);
      } catch { /* the placeholder stays */ }
    };
    waiting.observe(top);
  }

  function crop(image, frame, geometry) {
    const vertices = geometry?.vertices ?? geometry?.keypoints?.filter((each) => Number.isFinite(each.x)) ?? (Number.isFinite(geometry?.width) ? [geometry, { x: geometry.x + geometry.width, y: geometry.y + geometry.height }] : []);
    if (!vertices.length) return;
    const [left, right] = d3.extent(vertices, (each) => each.x);
    const [top, bottom] = d3.extent(vertices, (each) => each.y);
    const room = 0.15 * Math.max(right - left, bottom - top, 8);
    const canvas = element("canvas", { role: "img", "aria-label": "crop of the image" });
    canvas.width = 240;
    canvas.height = Math.max(40, Math.min(240, (240 * (bottom - top + 2 * room)) / (right - left + 2 * room)));
    canvas.getContext("2d").drawImage(image, left - room, top - room, right - left + 2 * room, bottom - top + 2 * room, 0, 0, canvas.width, canvas.height);
    frame.replaceChildren(canvas);
  }

  function counted(all, start, of) {
    const { group } = state();
    jump.hidden = all <= PAGE;
    count.replaceChildren(
      element("strong", {}, whole(all)),
      ` ${all === 1 ? group.replace(/s$/, "") : group}${of}`,
      ...(start ? [element("small", {}, ` from nr. ${whole(start + 1)} `), element("button", { type: "button", class: "quiet", onclick: () => go({ offset: "" }) }, "From the first")] : []),
    );
  }

  /** Shows the result of a query; in grey, where it is not the one that is asked. Throws what is wrong with the query. */
  async function load(of, query, greyed) {
    schema = of;
    controller?.abort();
    list?.end();
    list = null;
    controller = new AbortController();
    const mine = controller;
    const { group, version, sort, descending, offset, view } = state();
    views.querySelectorAll("button").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.view === view)));
    panel.setAttribute("aria-busy", "true");
    const start = Number(offset || 0);
    const size = sizeOf(view);
    const page = (at) => call("records", { group, query, version, sort, descending, offset: start + at * size, limit: size }, mine.signal);
    let found;
    try {
      found = await page(0);
    } catch (error) {
      const shownInstead = error.status === 400 && !greyed;
      if (!cancelled(error) && mine === controller && !shownInstead) nothing("Nothing is listed: see what is wrong above.");
      throw error;
    } finally {
      if (mine === controller) panel.removeAttribute("aria-busy");
    }
    if (mine !== controller) return [];
    given = new Set(found.records.flatMap((row) => Object.keys(row.metadata)));
    const total = Math.min(MOST, Math.max(0, found.count - start));
    panel.inert = greyed;
    counted(found.count, start, greyed && query ? " of the query before" : "");
    menu();
    if (found.records.length) show(found.records, page, { total, start, size, view });
    else if (found.count) nothing("No more records from there.");
    else if (schema[group].records) nothing(...matchless(query));
    else nothing(`This version has no ${group}.`);
    if (found.count - start > MOST) sentinel.replaceChildren(`${whole(MOST)} are in this list. `, element("button", { type: "button", onclick: () => go({ offset: String(start + MOST) }) }, `Go on at nr. ${whole(start + MOST + 1)}`));
    return found.slips ?? [];
  }

  function nothing(...said) {
    panel.inert = false;
    count.replaceChildren();
    jump.hidden = true;
    sentinel.replaceChildren();
    body.replaceChildren(element("div", { class: "none-found" }, said));
  }

  /** What to do where nothing matches: each condition can be taken away. */
  function matchless(query) {
    const parts = conditions(query);
    if (parts.length < 2) return ["Nothing matches. Ask for something else."];
    const without = (part) => element("button", { type: "button", onclick: () => go({ query: toggled(query, part), offset: "" }) }, "without ", shown(part, "code"));
    return ["Nothing matches all of it. Take a condition away:", element("div", { class: "conditions" }, parts.map(without))];
  }

  /** Records of a chunk: of a grid whole rows. */
  function sizeOf(view) {
    if (view !== "grid") return PAGE;
    const em = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
    const across = Math.max(1, Math.floor((body.clientWidth + GAP * em) / ((CARD + GAP) * em)));
    return across * Math.ceil(PAGE / across);
  }

  function show(records, page, { total, start, size, view }) {
    const { group } = state();
    const names = columns();
    const made = view === "grid" ? gridOf(names) : tableOf(names, group, total);
    const chunk = (rows, at) => made.chunk(rows, start + at * size);
    const make = async (at) => {
      try {
        return chunk((await page(at)).records, at);
      } catch (error) {
        if (!cancelled(error)) count.textContent = error.message;
        return null;
      }
    };
    sentinel.replaceChildren();
    body.replaceChildren(made.node);
    list = chunked({ into: made.into, total, size, first: chunk(records, 0), make, blank: made.blank, stretch: made.stretch, leaving: made.leaving ?? (() => {}) });
  }

  function gridOf(names) {
    const node = element("div", { class: "grids" });
    return {
      node,
      into: node,
      chunk: (rows, start) => element("ul", { class: "grid", role: "list", "aria-label": `Records from nr. ${whole(start + 1)}` }, rows.map((row, at) => gridCard(row, start + at, names))),
      blank: () => element("div", { class: "spacer", "aria-hidden": "true" }),
      stretch: (spacer, height) => (spacer.style.height = `${height}px`),
    };
  }

  function tableOf(names, group, total) {
    const head = headOf(names);
    const made = element("table", { class: "records-table", "aria-rowcount": total + 1 }, element("caption", { class: "unseen-caption" }, `Records of ${group}`), head);
    return {
      node: element("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Table of records" }, made),
      into: made,
      chunk: (rows, start) => element("tbody", {}, rows.map((row, at) => tableRow(row, start + at, names))),
      blank: () => element("tbody", { class: "spacer", "aria-hidden": "true" }, element("tr", {}, element("td", { colspan: names.length + 2 }))),
      stretch: (spacer, height) => (spacer.firstChild.firstChild.style.height = `${height}px`),
      /** Columns keep their widths, whatever comes and goes. */
      leaving: () => {
        const widths = [...head.firstChild.children].map((cell) => cell.offsetWidth);
        [...head.firstChild.children].forEach((cell, at) => (cell.style.width = `${widths[at]}px`));
        made.style.width = `${made.offsetWidth}px`;
        made.style.tableLayout = "fixed";
      },
    };
  }

  return { node: panel, load };
}
