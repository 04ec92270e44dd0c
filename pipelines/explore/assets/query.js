// Queries as texts: what a click adds to them, and takes away again.

const WORD = /^[\p{L}\p{N}_]+$/u;
const PLAIN = /^[\p{L}_][\p{L}\p{N}_]*$/u;
const KEYWORDS = new Set(["AND", "OR", "WITHIN", "NOT", "IN", "IS", "CONTAINS", "ORDER", "BY", "SAMPLE", "DESC"]);
const RESERVED = new Set(["count", "metadata", "location", "label", "taxonomy", "position", "dimensions", "run", "box", "polygon", "line", "keypoints", "cuboid", "category", "multicategory", "mask", "segment", "segmentation", "type", "confidence", "model_run"]);

export const quoted = (name) => (WORD.test(name) ? name : JSON.stringify(name));
export const quotedLabel = (name) => (WORD.test(name) && !RESERVED.has(name) ? name : JSON.stringify(name));
export const quotedValue = (text) => (PLAIN.test(text) && !KEYWORDS.has(text) ? text : JSON.stringify(text));
export const fieldPath = (key) => `metadata.${quoted(key)}`;

/** The pieces of a text between a word (AND, OR) that stands outside of quotes and parentheses. */
function split(text, word) {
  const pieces = [];
  let [depth, start] = [0, 0];
  for (const found of text.matchAll(/"(?:[^"\\]|\\.)*"|[()]|[\p{L}\p{N}_.]+/gsu)) {
    if (found[0] === "(") depth += 1;
    else if (found[0] === ")") depth -= 1;
    else if (found[0] === word && depth === 0) {
      pieces.push(text.slice(start, found.index).trim());
      start = found.index + word.length;
    }
  }
  pieces.push(text.slice(start).trim());
  return pieces;
}

/** The conditions that all have to hold. */
export function conditions(query) {
  if (!query.trim()) return [];
  if (split(query, "OR").length > 1) return [`(${query.trim()})`];
  return split(query, "AND");
}

const joined = (parts) => {
  if (parts.length === 1 && parts[0].startsWith("(") && parts[0].endsWith(")")) {
    const inner = parts[0].slice(1, -1);
    if (balanced(inner)) return inner;
  }
  return parts.join(" AND ");
};

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
  return joined(parts.includes(condition) ? parts.filter((each) => each !== condition) : [...parts, condition]);
}

/** The values of `path = a`, or of `(path = a OR path = b)`; null for any other condition. */
function valuesOf(condition, path) {
  const inner = condition.startsWith("(") && condition.endsWith(")") && balanced(condition.slice(1, -1)) ? condition.slice(1, -1) : condition;
  const parts = split(inner, "OR");
  const start = `${path} = `;
  return parts.every((part) => part.startsWith(start) && split(part, "AND").length === 1) ? parts.map((part) => part.slice(start.length)) : null;
}

/** The values that a query asks for of a path. */
export const chosen = (query, path) => conditions(query).map((each) => valuesOf(each, path)).find(Boolean) ?? [];

/** The query with one more value of a path, or one less; several values are one of them. */
export function withValue(query, path, value) {
  const before = chosen(query, path);
  const after = before.includes(value) ? before.filter((each) => each !== value) : [...before, value];
  const written = after.map((each) => `${path} = ${each}`).join(" OR ");
  const now = after.length > 1 ? `(${written})` : written;
  const parts = conditions(query);
  const at = parts.findIndex((each) => valuesOf(each, path));
  if (at < 0) return joined([...parts, now]);
  return joined(now ? parts.with(at, now) : parts.toSpliced(at, 1));
}

/** The query with a range of numbers of a path in the place of the one before; without it if it is the same. */
export function withRange(query, path, low, high) {
  const isRange = (each) => [">= ", "<= ", "< "].some((sign) => each.startsWith(`${path} ${sign}`));
  const parts = conditions(query);
  const [before, others] = [parts.filter(isRange), parts.filter((each) => !isRange(each))];
  const now = [low, high];
  const same = before.length === 2 && before.every((each, at) => each === now[at]);
  return joined(same ? others : [...others, ...now]);
}

/** The query with a box of locations in the place of the one before; null takes it away. */
export function withBox(query, box) {
  const others = conditions(query).filter((each) => !each.startsWith("location WITHIN "));
  return joined(box ? [...others, `location WITHIN (${box.join(", ")})`] : others);
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
