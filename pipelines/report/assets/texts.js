// Elements, and texts and numbers in them. What comes from the data reaches the page here alone, as text nodes, or as
// the value of a label or title; never as markup, a name of an attribute, a style or an address.

const documentOf = (id) => JSON.parse(document.getElementById(id).textContent);

/** An element with attributes (none for null and false; `on...` is a listener) and children. */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** What nobody sees, or what turns the text around: controls, directions, fillers, spaces at an end. Joiners stay. */
const UNSEEN = /^\s+|\s+$|[\p{Cc}\u00ad\u034f\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e0fff}]/gu;
const NAMED = { "\n": "\\n", "\r": "\\r", "\t": "\\t", " ": "space" };
const mark = (character) => NAMED[character] ?? `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
const marks = (unseen) => Array.from(unseen, mark);

const beginning = (value) => (Array.isArray(value) ? value[0] : value);
const cutNote = (value) => (Array.isArray(value) ? `… (${whole(value[1])} characters)` : "");

/** A text of the data for a label, where no markup can be. */
function plain(value) {
  const text = beginning(value);
  return (text === "" ? "(empty)" : text.replace(UNSEEN, (each) => marks(each).map((name) => `‹${name}›`).join(""))) + cutNote(value);
}

/** A text of the data, set apart from the direction of what is around it, the unseen made visible. */
function shown(value, tag = "bdi") {
  const text = beginning(value);
  const made = element(tag, { class: "data", dir: tag === "bdi" ? null : "auto" });
  if (text === "") made.append(element("i", {}, "(empty)"));
  let last = 0;
  for (const found of text.matchAll(UNSEEN)) {
    made.append(text.slice(last, found.index), ...marks(found[0]).map((name) => element("span", { class: "unseen" }, name)));
    last = found.index + found[0].length;
  }
  made.append(text.slice(last));
  if (Array.isArray(value)) made.append(element("span", { class: "cut" }, cutNote(value)));
  return made;
}

const GROUPED = new Intl.NumberFormat("en-US");
const whole = (count) => GROUPED.format(count);

/** A number for a person: whole ones in full, others to six digits. Text is an integer that no double holds. */
function number(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "string") return /^-?\d+$/.test(value) ? GROUPED.format(BigInt(value)) : value;
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return whole(value).replace("-", "−");
  const size = Math.abs(value);
  if (size >= 1e15 || size < 1e-4) return value.toExponential(5).replace(/\.?0+e/, "e").replace("e+", "e").replace(/-/g, "−");
  return GROUPED_DIGITS.format(value).replace("-", "−");
}
const GROUPED_DIGITS = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 6 });

/** A number that says its exact value to a program, and to who points at it. */
function quantity(value) {
  if (value === null || value === undefined) return element("span", { class: "none" }, "–");
  return element("data", { value: String(value), title: number(value) === String(value) ? null : String(value) }, number(value));
}

/** A share of a whole, never rounded to all or nothing; no line ends within it. */
function percent(part, of) {
  if (!of) return "–";
  const share = (100 * part) / of;
  if (part === 0 || part === of) return `${share}\u00a0%`;
  if (share < 0.1) return "<\u00a00.1\u00a0%";
  if (share > 99.9) return ">\u00a099.9\u00a0%";
  return `${share.toFixed(1)}\u00a0%`;
}

const plural = (count, one, many = `${one}s`) => `${whole(count)} ${count === 1 ? one : many}`;

/** `snake_case` codes as words. */
const words = (code) => code.replaceAll("_", " ");

/** Pairs of a name and a value. */
function facts(pairs, kind = "facts") {
  const rows = pairs.filter(([, value]) => value !== null && value !== undefined);
  return element("dl", { class: kind }, rows.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))));
}

/** A table: columns are [heading, class], rows are lists of cells, the first of each the heading of its row. */
function table(caption, columns, rows, attributes = {}) {
  const head = element("tr", {}, columns.map(([name, kind]) => element("th", { scope: "col", class: kind }, name)));
  const cell = (content, at) => element(at ? "td" : "th", { scope: at ? null : "row", class: columns[at][1] }, content);
  return element(
    "table",
    attributes,
    element("caption", { class: "unseen-caption" }, caption),
    element("thead", {}, head),
    element("tbody", {}, rows.map((row) => element("tr", {}, row.map(cell)))),
  );
}

/** A part of the page that opens. */
const opening = (name, make, attributes = {}) => {
  const made = element("details", { class: "opening", ...attributes }, element("summary", {}, name));
  made.addEventListener("toggle", () => made.open && made.childElementCount === 1 && made.append(...[make()].flat()));
  return made;
};
