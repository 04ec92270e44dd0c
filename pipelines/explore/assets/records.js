// The records of the result: a table or a grid of images, sorted, loaded as one scrolls.

import { call, cancelled } from "./api.js";
import { picture } from "./place.js";
import { fieldPath, mentioned } from "./query.js";
import { address, go, state } from "./state.js";
import { inline } from "./trees.js";

const PAGE = 60;
const MOST = 6_000;
const FIRST = 7;
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
  let [controller, loaded, total, busy, rows] = [null, 0, 0, false, null];
  let schema = null;

  const observer = new IntersectionObserver((entries) => entries.some((each) => each.isIntersecting) && more(), { rootMargin: "600px" });
  observer.observe(sentinel);

  function columns() {
    const { group, query, columns: given } = state();
    if (given) {
      try {
        const wanted = JSON.parse(given);
        if (Array.isArray(wanted)) return wanted.filter((each) => typeof each === "string");
      } catch { /* those of the query, then */ }
    }
    const fields = schema[group].fields;
    const asked = mentioned(query).filter((key) => key in fields);
    const others = Object.keys(fields).filter((key) => !asked.includes(key) && fields[key].present).sort((one, other) => (fields[one].storage === "json") - (fields[other].storage === "json"));
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
    return element("tr", {}, hasImages() ? element("td", { class: "thumb" }, row.image_url ? imageOf(row) : null) : null, element("th", { scope: "row" }, opener(row, at, shown(row.reference_id))), names.map((column) => element("td", { class: isNumber(column) ? "number" : null }, inline(valueOf(row, column)))));
  }

  function gridCard(row, at, names) {
    const { group } = state();
    const said = names.slice(0, 3).filter((column) => valueOf(row, column) !== undefined && valueOf(row, column) !== null).map((column) => element("span", {}, inline(valueOf(row, column))));
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

  async function more() {
    if (busy || !rows || loaded >= Math.min(total, MOST)) return;
    busy = true;
    const mine = controller;
    const { group, query, version, sort, descending, offset } = state();
    const start = Number(offset || 0);
    try {
      const found = await call("records", { group, query, version, sort, descending, offset: start + loaded, limit: PAGE }, mine.signal);
      if (mine !== controller) return;
      total = Math.max(0, found.count - start);
      const names = columns();
      rows.append(...found.records.map((row, at) => (state().view === "grid" ? gridCard : tableRow)(row, start + loaded + at, names)));
      loaded += found.records.length;
      counted(found.count, start);
    } catch (error) {
      if (!cancelled(error)) count.textContent = error.message;
    } finally {
      if (mine === controller) busy = false;
    }
    if (mine === controller && loaded < Math.min(total, MOST) && sentinel.getBoundingClientRect().top < innerHeight + 600) more();
  }

  function counted(all, start) {
    count.replaceChildren(element("strong", {}, whole(all)), ` ${all === 1 ? state().group.replace(/s$/, "") : state().group}`, start ? element("small", {}, ` from nr. ${whole(start + 1)}`) : "");
    if (loaded >= MOST) sentinel.textContent = `The first ${whole(MOST)} are shown: narrow the query, sort, or go to a number.`;
  }

  /** Shows the result anew; throws what is wrong with the query. */
  async function load(of) {
    schema = of;
    controller?.abort();
    controller = new AbortController();
    const mine = controller;
    const { group, query, version, sort, descending, offset, view } = state();
    views.querySelectorAll("button").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.view === view)));
    busy = true;
    panel.setAttribute("aria-busy", "true");
    const start = Number(offset || 0);
    let found;
    try {
      found = await call("records", { group, query, version, sort, descending, offset: start, limit: PAGE }, mine.signal);
    } finally {
      if (mine === controller) {
        busy = false;
        panel.removeAttribute("aria-busy");
      }
    }
    if (mine !== controller) return [];
    [total, loaded] = [Math.max(0, found.count - start), found.records.length];
    sentinel.textContent = "";
    const names = columns();
    if (!found.records.length) {
      rows = null;
      body.replaceChildren(element("p", { class: "none-found" }, found.count ? "No more records from there." : schema[group].records ? "Nothing matches. Take a condition away, or ask for something else." : `This version has no ${group}.`));
    } else if (view === "grid") {
      rows = element("ul", { class: "grid", role: "list" }, found.records.map((row, at) => gridCard(row, start + at, names)));
      body.replaceChildren(rows);
    } else {
      rows = element("tbody", {}, found.records.map((row, at) => tableRow(row, start + at, names)));
      body.replaceChildren(element("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Table of records" }, element("table", { class: "records-table" }, element("caption", { class: "unseen-caption" }, `Records of ${group}`), headOf(names), rows)));
    }
    counted(found.count, start);
    menu();
    if (loaded < total) more();
    return found.slips ?? [];
  }

  return { node: panel, load };
}
