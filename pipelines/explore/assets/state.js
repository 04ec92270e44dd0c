// What is shown, all of it in the address: it can be shared, reloaded, and Back goes back.

const DEFAULTS = { group: "items", query: "", version: "", sort: "", descending: "", view: "table", tab: "records", record: "", at: "", offset: "", columns: "" };

const read = () => {
  const given = new URLSearchParams(location.search);
  return Object.fromEntries(Object.entries(DEFAULTS).map(([name, value]) => [name, given.get(name) ?? value]));
};

let now = read();
const listeners = [];

export const state = () => now;

/** Calls a listener with the state and the one before, now and whenever it changes. */
export function onChange(listener) {
  listeners.push(listener);
}

/** Address of the page with some changes. */
export function address(changes) {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...now, ...changes })) if (value !== DEFAULTS[name]) given.set(name, value);
  return given.size ? `/?${given}` : "/";
}

/** Shows something else; `replace` leaves no step for Back. */
export function go(changes, { replace = false } = {}) {
  const next = { ...now, ...changes };
  if (Object.keys(next).every((name) => next[name] === now[name])) return;
  history[replace ? "replaceState" : "pushState"](null, "", address(changes));
  tell(next);
}

function tell(next) {
  const before = now;
  now = next;
  for (const listener of listeners) listener(now, before);
}

addEventListener("popstate", () => tell(read()));
