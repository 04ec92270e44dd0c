// The query bar: a combobox that completes at the cursor, shows what is wrong, and remembers what was asked.

import { cancelled, newest } from "./api.js";
import { fieldPath, quotedValue } from "./query.js";
import { go, state } from "./state.js";

const SAID = { label: "label", run: "model run", taxonomy: "taxonomy", recent: "asked before" };
const REMEMBERED = 12;

/** Characters as the server counts them, and as a text of the browser has them. */
const toServer = (text, place) => Array.from(text.slice(0, place)).length;
const toBrowser = (text, place) => Array.from(text).slice(0, place).join("").length;

export function queryBar({ name }) {
  const key = `metadata-etl-queries-${name}`;
  const input = element("input", {name: "bar-3", 
    id: "query", type: "text", class: "query-input", role: "combobox", autocomplete: "off", autocapitalize: "off", spellcheck: "false",
    "aria-label": "Query", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": "suggestions", "aria-describedby": "query-error",
  });
  const list = element("ul", { id: "suggestions", class: "suggestions", role: "listbox", "aria-label": "Suggestions", hidden: true });
  const problem = element("div", { id: "query-error", class: "query-error", role: "alert", hidden: true });
  const clear = element("button", { type: "button", class: "quiet clear", "aria-label": "Clear the query", hidden: true }, "Clear");
  const paper = element("p", { class: "on-paper", "aria-hidden": "true" }); // all of it, where an input shows its beginning
  const form = element("form", { class: "query-bar", role: "search" }, element("div", { class: "query-field" }, input, clear, list), element("button", { type: "submit", class: "primary" }, "Ask"));
  const suggest = newest();
  let offered = { start: 0, end: 0, length: 0, suggestions: [] }; // to a text of this length
  let active = -1;
  let timer = 0;
  let written = false; // since the bar was entered, or a suggestion was taken: only then Tab takes one

  const recent = () => { try { return JSON.parse(localStorage.getItem(key) ?? "[]").filter((each) => typeof each === "string"); } catch { return []; } };
  function remember(query) {
    if (!query.trim()) return;
    try { localStorage.setItem(key, JSON.stringify([query, ...recent().filter((each) => each !== query)].slice(0, REMEMBERED))); } catch { /* not remembered, then */ }
  }

  function close() {
    clearTimeout(timer);
    list.hidden = true;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function mark(at) {
    active = at;
    [...list.children].forEach((each, number) => each.setAttribute("aria-selected", String(number === at)));
    if (at < 0) return input.removeAttribute("aria-activedescendant");
    input.setAttribute("aria-activedescendant", list.children[at].id);
    list.children[at].scrollIntoView({ block: "nearest" });
  }

  function show(found) {
    const chosen = offered.suggestions[active]?.text;
    offered = found;
    list.replaceChildren(...found.suggestions.map(({ text, kind, detail }, at) => {
      const option = element("li", { id: `suggestion-${at}`, role: "option", "aria-selected": "false", class: `kind-${kind}` }, shown(text), element("span", { class: "detail" }, [kind === "category" && detail ? plural(Number(detail), "record") : detail, SAID[kind]].filter(Boolean).join(" · ")));
      option.addEventListener("mousedown", (event) => (event.preventDefault(), accept(at)));
      return option;
    }));
    list.hidden = !found.suggestions.length || document.activeElement !== input;
    input.setAttribute("aria-expanded", String(!list.hidden));
    mark(list.hidden ? -1 : found.suggestions.findIndex((each) => each.text === chosen)); // it stays chosen while one goes on writing
  }

  async function complete() {
    const text = input.value;
    const past = text.trim() ? [] : recent().map((each) => ({ text: each, kind: "recent", detail: "" }));
    try {
      const found = await suggest("suggest", { text, cursor: toServer(text, input.selectionStart), group: state().group, version: state().version });
      show({ start: toBrowser(text, found.start), end: toBrowser(text, found.end), length: text.length, suggestions: [...past, ...found.suggestions] });
    } catch (error) {
      if (!cancelled(error)) close();
    }
  }

  const soon = () => { clearTimeout(timer); timer = setTimeout(complete, 40); };

  function accept(at) {
    const { text, kind } = offered.suggestions[at];
    const whole = kind === "recent";
    const [start, end] = whole ? [0, input.value.length] : [offered.start, offered.end + input.value.length - offered.length]; // what was written since belongs to it
    const after = input.value.slice(end);
    const gap = whole || after.startsWith(" ") ? "" : " ";
    input.value = input.value.slice(0, start) + text + gap + after;
    const place = start + text.length + 1;
    input.focus();
    input.setSelectionRange(place, place);
    written = false;
    if (whole) return submit();
    changed();
    soon();
  }

  function submit() {
    close();
    go({ query: input.value.trim(), offset: "", record: "", at: "" });
  }

  const mend = (fixed) => { input.value = fixed; changed(); submit(); };
  const changed = () => { clear.hidden = !input.value; };

  input.addEventListener("input", () => ((written = true), changed(), soon()));
  input.addEventListener("focus", () => { written = false; if (!input.value) soon(); });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    const count = list.hidden ? 0 : list.children.length;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!count) soon();
      else if (event.key === "ArrowDown") mark((active + 1) % count);
      else mark(active <= 0 ? count - 1 : active - 1);
    } else if (event.key === "Enter" && count && active >= 0) {
      event.preventDefault();
      accept(active);
    } else if (event.key === "Tab" && count && !event.shiftKey && (active >= 0 || written)) {
      event.preventDefault();
      accept(Math.max(0, active));
    } else if (event.key === "Escape" && count) {
      event.preventDefault();
      event.stopPropagation();
      close();
    }
  });
  form.addEventListener("submit", (event) => (event.preventDefault(), submit()));
  clear.addEventListener("click", () => { input.value = ""; changed(); input.focus(); submit(); });

  return {
    node: element("div", { class: "asking" }, form, paper, problem),
    focus: () => (input.focus(), input.select()),
    set(query, group, fields) {
      input.placeholder = exampleOf(group, fields);
      if (input.value.trim() !== query) input.value = query;
      paper.textContent = query;
      changed();
    },
    /** The query was answered; `slips` are what is probably not meant so. */
    right(query, slips) {
      input.removeAttribute("aria-invalid");
      problem.hidden = !slips.length;
      problem.classList.add("slip");
      problem.replaceChildren(...slips.flatMap((slip) => explained(slip, query, mend)));
      remember(query);
    },
    wrong(error, query) {
      problem.hidden = false;
      problem.classList.remove("slip");
      input.setAttribute("aria-invalid", "true");
      problem.replaceChildren(...explained(error, query, mend));
    },
  };
}

/** What one may ask here: of a field with few categories, or else of any. */
function exampleOf(group, fields) {
  const asked = Object.entries(fields).filter(([, { categories }]) => categories?.length > 1).sort(([, one], [, other]) => one.categories.length - other.categories.length);
  const found = asked.find(([, { categories }]) => categories.length > 2) ?? asked[0];
  const example = found ? `Try ${fieldPath(found[0])} = ${quotedValue(found[1].categories[0].value)}` : `Ask for ${group}`;
  return matchMedia("(min-width: 40rem)").matches ? `${example}   (press / to come here)` : example;
}

/** What is wrong: the message, the place in the query, and what can be clicked instead. */
function explained(error, query, fix) {
  if (error.position === null || error.position === undefined) {
    const unsorted = state().sort ? element("p", { class: "hints" }, element("button", { type: "button", onclick: () => go({ sort: "", descending: "" }) }, "Without the order")) : null;
    return [element("p", {}, shown(error.message)), unsorted].filter(Boolean);
  }
  // What it ends in is said by the buttons.
  const made = [element("p", {}, shown(error.hints.length ? error.message.replace(/; did you mean [^;]*\?$/, "") : error.message))];
  const characters = Array.from(query);
  const [start, end] = [error.position, error.position + (error.length ?? 1)];
  const part = (from, to) => characters.slice(from, to).join("");
  made.push(element("pre", { class: "place-of-error" }, part(0, start), element("mark", {}, part(start, end) || " "), part(end)));
  if (error.hints.length) made.push(element("p", { class: "hints" }, "Did you mean ", error.hints.map((hint) => element("button", { type: "button", onclick: () => fix(part(0, start) + hint + part(end)) }, shown(hint)))));
  return made;
}
