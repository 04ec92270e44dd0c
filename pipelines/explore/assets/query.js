// Queries as texts: what a click adds to them, and takes away again.

const WORD = /^[\p{L}\p{N}_]+$/u;
const PLAIN = /^[\p{L}_][\p{L}\p{N}_]*$/u;
const KEYWORDS = new Set(["AND", "OR", "WITHIN", "NOT", "IN", "IS", "CONTAINS", "ORDER", "BY", "SAMPLE", "DESC", "ASC"]);
const RESERVED = new Set(["count", "metadata", "location", "label", "taxonomy", "position", "dimensions", "run", "box", "polygon", "line", "keypoints", "cuboid", "category", "multicategory", "mask", "segment", "segmentation", "type", "confidence", "model_run"]);

export const quoted = (name) => (WORD.test(name) ? name : JSON.stringify(name));
export const quotedLabel = (name) => (WORD.test(name) && !RESERVED.has(name) ? name : JSON.stringify(name));
export const quotedValue = (text) => (PLAIN.test(text) && !KEYWORDS.has(text) ? text : JSON.stringify(text));
export const fieldPath = (key) => `metadata.${quoted(key)}`;

/** Words, commas and parentheses of a text that stand outside of quotes, with how deep in parentheses they are. */
function* outside(text) {
  let depth = 0;
  for (const found of text.matchAll(/"(?:[^"\\]|\\.)*"|[(),]|[\p{L}\p{N}_.]+/gsu)) {
    if (found[0] === "(") depth += 1;
    else if (found[0] === ")") depth -= 1;
    else if (!found[0].startsWith('"')) yield { word: found[0], at: found.index, depth };
  }
}

/** The pieces of a text between a word (AND, OR) or a comma that stands outside of quotes and parentheses. */
function split(text, word) {
  const pieces = [];
  let start = 0;
  for (const each of outside(text)) {
    if (each.word !== word || each.depth) continue;
    pieces.push(text.slice(start, each.at).trim());
    start = each.at + word.length;
  }
  pieces.push(text.slice(start).trim());
  return pieces;
}

/** A query as its condition, and its order and sample behind it. */
function halves(query) {
  for (const { word, at, depth } of outside(query)) {
    const before = query.slice(0, at).trimEnd();
    const value = /([=<>]|\bIN|\bCONTAINS)$/.test(before); // a text that is called so
    if (!depth && !value && ((word === "ORDER" && /^ORDER\s+BY\b/.test(query.slice(at))) || (word === "SAMPLE" && /^SAMPLE\s+\d/.test(query.slice(at))))) return [before.trim(), query.slice(at).trim()];
  }
  return [query.trim(), ""];
}

/** The conditions that all have to hold. */
export function conditions(query) {
  const [condition] = halves(query);
  if (!condition) return [];
  if (split(condition, "OR").length > 1) return [`(${condition})`];
  return split(condition, "AND");
}

/** The query of some conditions, with the order and the sample of the one before. */
function joined(parts, query) {
  const [only] = parts;
  const inner = parts.length === 1 && only.startsWith("(") && only.endsWith(")") && balanced(only.slice(1, -1)) ? only.slice(1, -1) : parts.join(" AND ");
  return [inner, halves(query)[1]].filter(Boolean).join(" ");
}

function balanced(text) {
  let depth = 0;
  for (const found of text.matchAll(/"(?:[^"\\]|\\.)*"|[()]/gs)) {
    depth += found[0] === "(" ? 1 : found[0] === ")" ? -1 : 0;
    if (depth < 0) return false;
  }
  return depth === 0;
}

/** The query with a condition, or without it if it was there. */
export function toggled(query, condition) {
  const parts = conditions(query);
  return joined(parts.includes(condition) ? parts.filter((each) => each !== condition) : [...parts, condition], query);
}

/** The query with another condition in the place of one of its own. */
export function replaced(query, before, now) {
  return joined(conditions(query).map((each) => (each === before ? now : each)), query);
}

/** How many a query asks for at least of a path that counts, as { condition, least }; null if it does not. */
export function leastOf(query, path) {
  for (const condition of conditions(query)) {
    if (!condition.startsWith(`${path} >`)) continue;
    const found = /^ (?:> (?<over>\d+)|>= (?<least>\d+))$/.exec(condition.slice(path.length));
    if (found) return { condition, least: found.groups.least ? Number(found.groups.least) : Number(found.groups.over) + 1 };
  }
  return null;
}

/** The values of `path = a`, or of `path IN (a, b)`; null for any other condition. */
function valuesOf(condition, path) {
  const [one, several] = [`${path} = `, `${path} IN (`];
  if (condition.startsWith(several) && condition.endsWith(")")) return split(condition.slice(several.length, -1), ",");
  const value = condition.slice(one.length);
  return condition.startsWith(one) && !/ [-+%] /.test(value.replace(/"(?:[^"\\]|\\.)*"/gs, "")) ? [value] : null;
}

/** The values that a query asks for of a path. */
export const chosen = (query, path) => conditions(query).map((each) => valuesOf(each, path)).find(Boolean) ?? [];

/** The query with one more value of a path, or one less; several values are one of them. */
export function withValue(query, path, value) {
  const before = chosen(query, path);
  const after = before.includes(value) ? before.filter((each) => each !== value) : [...before, value];
  const now = after.length > 1 ? `${path} IN (${after.join(", ")})` : after.length ? `${path} = ${after[0]}` : null;
  const parts = conditions(query);
  const at = parts.findIndex((each) => valuesOf(each, path));
  if (at < 0) return joined([...parts, now], query);
  return joined(now ? parts.with(at, now) : parts.toSpliced(at, 1), query);
}

/** The query with a range of numbers of a path in the place of the one before; without it if it is the same. */
export function withRange(query, path, low, high) {
  const isRange = (each) => [">= ", "<= ", "< "].some((sign) => each.startsWith(`${path} ${sign}`));
  const parts = conditions(query);
  const [before, others] = [parts.filter(isRange), parts.filter((each) => !isRange(each))];
  const now = [low, high];
  const same = before.length === 2 && before.every((each, at) => each === now[at]);
  return joined(same ? others : [...others, ...now], query);
}

/** The query with a box of locations in the place of the one before; null takes it away. */
export function withBox(query, box) {
  const others = conditions(query).filter((each) => !each.startsWith("location WITHIN "));
  return joined(box ? [...others, `location WITHIN (${box.join(", ")})`] : others, query);
}

/** The metadata keys that a query names, in its order. */
export function mentioned(query) {
  const found = [...query.matchAll(/(?<![\p{L}\p{N}_.])metadata\.(?:"((?:[^"\\]|\\.)*)"|([\p{L}\p{N}_]+))/gu)];
  const names = found.map(([, text, word]) => {
    if (word !== undefined) return word;
    try {
      return JSON.parse(`"${text}"`);
    } catch {
      return text;
    }
  });
  return [...new Set(names)];
}
