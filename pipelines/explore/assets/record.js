// One record: its image with what is drawn on it, metadata, attachments, frames, history; j and k go through the result.

import { call, cancelled, newest } from "./api.js";
import { picture, source } from "./place.js";
import { nameOf } from "./records.js";
import { matched, notCompared } from "./matching.js";
import { colourOf, layerOf } from "./shapes.js";
import { go, state } from "./state.js";
import { inline, tree } from "./trees.js";
import { placeOf } from "./worldmap.js";

const HIDDEN = new Set(["metadata", "geometry", "context_attachments", "source", "extra", "location", "camera_params", "class_pdf"]);

export function recordView({ images, schema }) {
  const content = element("div", { class: "record-content" });
  const title = element("h2", { id: "record-title", tabindex: "-1" });
  const step = (by, said, key) => element("button", { type: "button", onclick: () => move(by), "aria-keyshortcuts": key, title: `${said} (${key})` }, said);
  const dialog = element("dialog", { class: "record", "aria-labelledby": "record-title" }, element("div", { class: "record-head" }, title, step(-1, "Previous", "k"), step(1, "Next", "j"), element("button", { type: "button", class: "close", onclick: () => leave(), "aria-keyshortcuts": "Escape" }, "Close")), content);
  const ask = newest();
  let back = null;

  dialog.addEventListener("cancel", (event) => (event.preventDefault(), leave()));
  dialog.addEventListener("click", (event) => event.target === dialog && leave());
  const leave = () => go({ record: "", at: "" });

  async function move(by) {
    const { group, query, version, sort, descending, at } = state();
    const next = Number(at) + by;
    if (at === "" || next < 0) return;
    try {
      const found = await call("records", { group, query, version, sort, descending, offset: next, limit: 1 });
      if (found.records.length) go({ record: JSON.stringify(nameOf(group, found.records[0])), at: String(next) }, { replace: true });
    } catch (error) {
      if (!cancelled(error)) content.replaceChildren(element("p", { class: "notice alert" }, error.message));
    }
  }

  async function show() {
    const { record, group, version } = state();
    if (!record) {
      if (dialog.open) dialog.close();
      delete dialog.dataset.shown;
      back?.focus();
      back = null;
      return;
    }
    let name;
    try {
      name = JSON.parse(record);
    } catch {
      return go({ record: "", at: "" }, { replace: true });
    }
    if (!dialog.open) {
      back = document.activeElement;
      dialog.showModal();
    }
    title.replaceChildren(shown(String(name.reference_id)));
    content.setAttribute("aria-busy", "true");
    if (dialog.dataset.shown === undefined) content.replaceChildren(element("p", { class: "note", role: "status" }, "Loading…"));
    try {
      const found = await ask("record", { group, ...name, version });
      content.replaceChildren(...sections(found, group, images, schema()));
      dialog.scrollTop = 0;
      title.focus();
      dialog.dataset.shown = record;
    } catch (error) {
      if (cancelled(error)) return; // a newer one is under way
      content.replaceChildren(element("p", { class: "notice alert", role: "alert" }, error.message));
    }
    content.removeAttribute("aria-busy");
  }

  const keys = (event) => {
    if (!dialog.open || event.target.closest?.("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
  };
  document.addEventListener("keydown", keys);
  return { node: dialog, show };
}

function sections(found, group, images, schema) {
  const { record } = found;
  const parts = [element("div", { class: "record-main" }, stage(found, group, images), element("div", { class: "record-side" }, record.context_attachments?.length ? attachments(record, group, images) : null, metadataOf(record, schema[group].fields), locationOf(record.location ?? found.item?.location), columnsOf(record)))];
  if (found.frames.length > 1) parts.push(frames(found, group, images));
  if (found.scene && group !== "scenes") parts.push(element("section", {}, element("h3", {}, "Scene "), element("p", {}, shown(found.scene.reference_id)), tree(found.scene.metadata)));
  parts.push(history(found, record));
  return parts;
}

/** All annotations with the model run that they are of: null for those of people. */
const drawn = (found) => [...found.annotations.map((row) => ({ row, run: null })), ...Object.entries(found.predictions).flatMap(([run, rows]) => rows.map((row) => ({ row, run })))];

/** The image with its shapes, and the switches and the list beside it. */
function stage(found, group, images) {
  const { record } = found;
  const item = group === "items" ? record : (found.item ?? found.frames.find((each) => each.image_url) ?? null);
  const all = drawn(found);
  const own = group === "annotations" || group === "predictions" ? all.find((each) => each.row.annotation_id === record.annotation_id && each.row.type === record.type && each.row.label === record.label && (each.run ?? "") === (record.model_run ?? "") && each.row.segment_index === record.segment_index) : null;
  const said = element("p", { class: "readout", role: "status" });
  const point = (each) => {
    for (const other of all) other.shape?.classList.toggle("pointed", other === each);
    for (const other of all) other.line?.classList.toggle("pointed", other === each);
    said.replaceChildren(...(each ? sentence(each) : ["Point at a shape to see what it is."]));
  };
  const told = matched(found.annotations, found.predictions);
  const missed = ({ row, run }) => (run === null ? told.flatMap((each) => (each.missed.has(row) ? [each.run] : [])) : []);
  /** Draws the shapes over an image, or over the place of one that cannot be loaded. */
  const over = (frame, width, height) => {
    frame.style.setProperty("--ratio", String(width / (height || 1)));
    frame.append(layerOf(all, { width, height }, point));
    point(own ?? null);
    visible();
  };
  const box = element("div", { class: "stage" });
  if (record.video_url) {
    const { src, reason } = source(record.video_url, { group, ...nameOf(group, record) }, images);
    box.append(src ? element("video", { src, controls: true, preload: "metadata" }) : element("span", { class: "placeholder" }, reason));
  } else if (item?.image_url) {
    const asked = { group: "items", reference_id: item.reference_id };
    box.append(picture(item.image_url, asked, images, { alt: `Image of ${plain(item.reference_id)}`, large: true, loaded: (image, frame) => over(frame, image.naturalWidth, image.naturalHeight), missing: (frame) => item.width > 0 && item.height > 0 && over(frame, item.width, item.height) }));
  } else if (item || group === "scenes") box.append(element("span", { class: "placeholder" }, item?.pointcloud_url ? "A point cloud, which the explorer does not draw" : "No image"));
  const off = new Set();
  const keysOf = ({ row, run }) => [`label ${row.label ?? "(none)"}`, `type ${row.type}`, run === null ? "annotations" : `run ${run}`];
  function visible() {
    for (const each of all) {
      const hidden = keysOf(each).some((key) => off.has(key));
      if (each.shape) each.shape.style.display = hidden ? "none" : "";
      if (each.line) each.line.hidden = hidden;
    }
  }
  const switchOf = (key, name) => {
    const button = element("button", { type: "button", class: "switch", "aria-pressed": "true", onclick: () => {
      if (!off.delete(key)) off.add(key);
      button.setAttribute("aria-pressed", String(!off.has(key)));
      visible();
    } }, shown(name));
    if (key.startsWith("label ")) button.style.setProperty("--colour", colourOf(name));
    return button;
  };
  const keys = [...new Set(all.flatMap(keysOf))].sort();
  /** Switches of one sort, where there are two or more: of keys that begin with its word, and of others. */
  const switchesOf = (sort, word, others = []) => {
    const own = [...others, ...keys.filter((key) => key.startsWith(word)).map((key) => [key, key.slice(word.length)])];
    if (own.length < 2) return null;
    return element("div", { class: "switches", role: "group", "aria-label": `What is drawn, by ${sort.toLowerCase()}` }, element("span", { class: "sort" }, sort), element("div", {}, own.map(([key, name]) => switchOf(key, name))));
  };
  const annotations = keys.filter((key) => key === "annotations").map((key) => [key, key]);
  const switches = [switchesOf("Label", "label "), switchesOf("Type", "type "), switchesOf("Made by", "run ", annotations)];
  const list = element("ul", { class: "annotation-list" }, all.slice(0, 500).map((each) => {
    const line = element("li", { tabindex: "0" }, ...sentence(each), ...missed(each).map((run) => element("span", { class: "missed" }, " missed by ", shown(run))));
    line.style.setProperty("--colour", colourOf(each.row.label));
    for (const [event, whom] of [["pointerenter", each], ["focus", each], ["pointerleave", null], ["blur", null]]) line.addEventListener(event, () => point(whom));
    each.line = line;
    return line;
  }));
  const compared = told.length ? element("ul", { class: "matches", "aria-label": "What the models found and missed" }, told.map((each) => foundBy(each, all, point))) : null;
  const without = told.length ? notCompared(found.annotations, found.predictions) : [];
  return element(
    "section",
    { class: "record-stage", "aria-label": "Image" },
    box,
    all.some((each) => each.row.geometry) ? said : null,
    compared,
    without.length ? element("p", { class: "note" }, `Not compared: ${without.map((each) => words(each ?? "")).join(", ")}.`) : null,
    all.length ? [switches, element("details", { class: "opening", open: all.length <= 12 }, element("summary", {}, [found.annotations.length ? plural(found.annotations.length, "annotation") : null, all.length > found.annotations.length ? plural(all.length - found.annotations.length, "prediction") : null].filter(Boolean).join(", ")), list)] : null,
  );
}

/** What a model run found and missed, in a sentence; what it missed can be pointed at. */
function foundBy({ run, found: hits, missed, extra }, all, point) {
  const total = hits.length + missed.size;
  const names = [...missed].slice(0, 12).map((row) => {
    const each = all.find((other) => other.row === row);
    const button = element("button", { type: "button", class: "missed-one" }, shown(row.label ?? ((row.labels ?? []).join(", ") || row.type)));
    for (const [event, whom] of [["pointerenter", each], ["focus", each], ["click", each], ["pointerleave", null], ["blur", null]]) button.addEventListener(event, () => point(whom));
    return button;
  });
  return element("li", {}, shown(run), total ? ` found ${whole(hits.length)} of ${whole(total)}` : " found nothing that is annotated", names.length ? [", ", element("strong", { class: "missed" }, `missed ${whole(missed.size)}`), ": ", names, missed.size > names.length ? `and ${whole(missed.size - names.length)} more` : null] : null, extra ? `; ${whole(extra)} predicted where none is annotated` : null);
}

function sentence({ row, run }) {
  const name = row.label ?? (row.labels ?? []).join(", ");
  const more = Object.entries(row.metadata ?? {}).slice(0, 4);
  return [
    element("strong", {}, shown(name || row.type)),
    element("span", { class: "note" }, ` ${words(row.type ?? "")}${row.taxonomy_name ? ", " : ""}`, row.taxonomy_name ? shown(row.taxonomy_name) : null, run === null ? null : [" by ", shown(run)], row.confidence === null || row.confidence === undefined ? null : ` ${percent(row.confidence, 1)}`),
    more.length ? element("span", { class: "note" }, more.flatMap(([key, value]) => [" · ", shown(key), " ", inline(value)])) : null,
  ].filter(Boolean);
}

/** Names with their values, one below the other. */
const flat = (pairs, depth = 0) => element("dl", { class: "tree flat" }, pairs.map(([key, value]) => element("div", {}, element("dt", {}, shown(key)), element("dd", {}, tree(value, depth)))));

/** What a path or an address ends in. */
const fileOf = (uri) => uri.replace(/[?#].*$/s, "").split("/").filter(Boolean).at(-1) ?? uri;

/** Metadata, in groups by the type of the field. */
function metadataOf(record, fields) {
  const own = Object.entries(record.metadata).filter(([key]) => key !== "context_attachments"); // they are shown below
  const types = d3.group(own, ([key]) => fields[key]?.type ?? "other");
  const order = ["categorical", "numerical", "geographic", "text", "other", "reserved"];
  const listed = [...types].sort(([one], [other]) => order.indexOf(one) - order.indexOf(other));
  return element("section", { class: "metadata" }, element("h3", {}, "Metadata"), listed.length ? listed.map(([type, pairs]) => [element("h4", {}, type), flat(pairs)]).flat() : element("p", { class: "note" }, "None."));
}

const locationOf = (place) => (place ? element("section", {}, element("h3", {}, "Location"), placeOf(place)) : null);

function columnsOf(record) {
  const pairs = Object.entries(record).filter(([key, value]) => !HIDDEN.has(key) && value !== null);
  for (const key of ["geometry", "camera_params", "class_pdf", "extra"]) if (record[key] && Object.keys(record[key]).length) pairs.push([key, record[key]]);
  return element("section", {}, element("h3", {}, "Record"), flat(pairs, 1));
}

function attachments(record, group, images) {
  const card = (each, at) => {
    const { attachment, metadata, frame, dims, camera_position: camera } = each ?? {};
    const facts_ = facts([["Frame", frame === null || frame === undefined ? null : whole(frame)], ["Size", dims ? `${number(dims.width)} × ${number(dims.height)}` : null], ["Camera", camera ? `${number(camera.x)}, ${number(camera.y)}, ${number(camera.z)}` : null], ["Cache key", each?.cache_key ? element("code", { title: each.cache_key }, `${each.cache_key.slice(0, 10)}…`) : null]]);
    return element("figure", { class: "attachment" }, picture(attachment, { group, ...nameOf(group, record), attachment: at }, images, { alt: `Attachment ${at + 1}` }), element("figcaption", {}, element("strong", { title: plain(attachment ?? "") }, shown(fileOf(attachment ?? ""))), facts_, metadata && Object.keys(metadata).length ? flat(Object.entries(metadata)) : null));
  };
  return element("section", { class: "attachments" }, element("h3", {}, "Context attachments"), element("div", { class: "attachment-list" }, record.context_attachments.map(card)));
}

/** The frames of the scene in order: a slider, the frames of all sensors at that place. */
function frames(found, group, images) {
  const indices = [...new Set(found.frames.map((each) => each.frame_index))];
  const own = found.record.frame_index;
  const slider = element("input", { name: "record-7", type: "range", min: "0", max: String(indices.length - 1), value: String(Math.max(0, indices.indexOf(own))), "aria-label": "Frame" });
  const said = element("output", { class: "note" });
  const strip = element("div", { class: "frame-strip" });
  function show() {
    const index = indices[slider.value];
    said.textContent = `Frame ${Number(slider.value) + 1} of ${indices.length}`;
    strip.replaceChildren(...found.frames.filter((each) => each.frame_index === index).map((each) => element("button", { type: "button", class: "frame", "aria-current": each.reference_id === found.record.reference_id ? "true" : null, onclick: () => go({ group: "items", query: group === "items" ? state().query : "", record: JSON.stringify(nameOf("items", each)), at: "" }) }, each.image_url ? picture(each.image_url, { group: "items", reference_id: each.reference_id }, images) : element("span", { class: "picture" }, element("span", { class: "placeholder" }, "point cloud")), element("span", {}, shown(each.sensor ?? each.reference_id)))));
  }
  slider.addEventListener("input", show);
  show();
  return element("section", { class: "frames" }, element("h3", {}, "Frames of the scene"), element("div", { class: "frame-tools" }, slider, said), strip);
}

function history(found, record) {
  const { source: from } = record;
  const rows = found.history.map(({ version, change, changed }) => element("li", {}, element("strong", {}, `Version ${version}: ${change}`), changed?.length ? element("dl", { class: "tree flat" }, changed.slice(0, 50).map(({ name, before, now }) => element("div", {}, element("dt", {}, shown(name)), element("dd", {}, inline(before), " → ", inline(now))))) : null));
  return element("section", { class: "history" }, element("h3", {}, "History"), from ? element("p", { class: "note" }, "Read from ", shown(from.export ?? ""), ` at byte ${whole(from.offset ?? 0)}`) : null, rows.length ? element("ol", {}, rows) : element("p", { class: "note" }, "Older than the oldest version that is kept."));
}
