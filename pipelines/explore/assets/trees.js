// Values of any depth: lists and objects as trees that fold.

const OPEN = 2;
const MOST = 200;
const LONG = 400;

/** A value as an element; lists and objects open down to a depth. */
export function tree(value, depth = 0) {
  if (value === null || value === undefined) return element("span", { class: "none" }, "null");
  if (typeof value === "number") return quantity(value);
  if (typeof value === "boolean") return element("code", {}, String(value));
  if (typeof value === "string") return text(value);
  const entries = Array.isArray(value) ? value.map((each, at) => [String(at), each]) : Object.entries(value);
  const kind = Array.isArray(value) ? plural(entries.length, "value") : plural(entries.length, "key");
  if (!entries.length) return element("span", { class: "none" }, Array.isArray(value) ? "[ ]" : "{ }");
  const body = element("dl", { class: "tree" });
  const fill = (from) => {
    for (const [name, each] of entries.slice(from, from + MOST)) body.append(element("div", {}, element("dt", {}, shown(name)), element("dd", {}, tree(each, depth + 1))));
    if (entries.length > from + MOST) {
      const more = element("button", { type: "button", class: "quiet", onclick: () => (more.remove(), fill(from + MOST)) }, `${whole(entries.length - from - MOST)} more`);
      body.append(more);
    }
  };
  const made = element("details", { class: "branch", open: depth < OPEN && entries.length <= 20 }, element("summary", {}, kind), body);
  const grow = () => made.open && !body.childElementCount && fill(0);
  made.addEventListener("toggle", grow);
  grow();
  return made;
}

function text(value) {
  if (value.length <= LONG) return shown(value);
  const made = element("span", {}, shown(value.slice(0, LONG)), "… ");
  made.append(element("button", { type: "button", class: "quiet", onclick: () => made.replaceChildren(shown(value)) }, `all ${whole(value.length)} characters`));
  return made;
}

/** A value in one line, for a cell of a table. */
export function inline(value) {
  if (value === null || value === undefined) return element("span", { class: "none" }, "–");
  if (typeof value === "number") return quantity(value);
  const said = typeof value === "string" ? value : JSON.stringify(value);
  return shown(said.length > 80 ? [said.slice(0, 80), said.length] : said);
}
