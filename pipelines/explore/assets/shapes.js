// Annotations and predictions drawn over an image.

const SVG = "http://www.w3.org/2000/svg";
const COLOURS = ["#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#008080", "#f032e6", "#9a6324", "#808000", "#0082c8"];

function svg(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const isPoint = (each) => Number.isFinite(each?.x) && Number.isFinite(each?.y);
const points = (vertices) => (vertices ?? []).filter(isPoint).map(({ x, y }) => `${x},${y}`).join(" ");

const given = new Map();

/** The colour of a label: the same for annotations and predictions, and one of its own while there are some left. */
export function colourOf(label) {
  if (!given.has(label)) {
    let at = 7;
    for (const each of label ?? "") at = (at * 31 + each.codePointAt(0)) % 1_000_003;
    const taken = given.size < COLOURS.length ? new Set(given.values()) : new Set();
    while (taken.has(COLOURS[at % COLOURS.length])) at += 1;
    given.set(label, COLOURS[at % COLOURS.length]);
  }
  return given.get(label);
}

/** Where a shape begins, for its name; null for what has no place in an image. */
export function cornerOf({ type, geometry }) {
  if (type === "box" && isPoint(geometry)) return geometry;
  const listed = ((type === "keypoints" ? geometry?.keypoints : geometry?.vertices) ?? []).filter(isPoint);
  return listed.length ? d3.least(listed, (each) => each.y) : null;
}

/** The elements of one annotation; none for a cuboid, a category or a mask. */
export function shapeOf({ type, geometry }, size) {
  switch (type) {
    case "box":
      if (!isPoint(geometry) || !(geometry.width >= 0) || !(geometry.height >= 0)) return null;
      return svg("rect", { x: geometry.x, y: geometry.y, width: geometry.width, height: geometry.height });
    case "polygon":
      return svg("polygon", { points: points(geometry?.vertices) });
    case "line":
      return svg("polyline", { points: points(geometry?.vertices), class: "line" });
    case "keypoints": {
      const all = geometry?.keypoints ?? [];
      const bones = (geometry?.skeleton ?? []).map(([from, to]) => [all.at(from), all.at(to)]).filter(([one, other]) => isPoint(one) && isPoint(other));
      return svg("g", {}, ...bones.map(([one, other]) => svg("line", { x1: one.x, y1: one.y, x2: other.x, y2: other.y })), ...all.filter(isPoint).map(({ x, y }) => svg("circle", { cx: x, cy: y, r: size / 140 })));
    }
    default:
      return null;
  }
}

/** A layer of shapes over an image of some size; `point` is called with an annotation, or null. */
export function layerOf(annotations, { width, height }, point) {
  const size = Math.max(width, height);
  const layer = svg("svg", { class: "shapes", viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  for (const each of annotations) {
    const shape = shapeOf(each.row, size);
    if (!shape) continue;
    const group = svg("g", { class: each.run === null ? "annotation" : "prediction" }, shape);
    group.style.setProperty("--colour", colourOf(each.row.label));
    group.addEventListener("pointerenter", () => point(each));
    group.addEventListener("pointerleave", () => point(null));
    each.shape = group;
    layer.append(group);
  }
  return layer;
}
