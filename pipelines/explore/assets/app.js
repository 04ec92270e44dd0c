// The page: its head with the query, insights beside records, one record over them; all of it follows the address.

import { call, cancelled } from "./api.js";
import { queryBar } from "./bar.js";
import { insightsPanel } from "./insights.js";
import { recordsPanel } from "./records.js";
import { recordView } from "./record.js";
import { address, go, onChange, state } from "./state.js";
import { takeAway } from "./takeaway.js";
import { versionsPanel } from "./versions.js";

const LOOK_AGAIN = 30_000;
const byId = (id) => document.getElementById(id);

function notice(...content) {
  byId("notices").replaceChildren(...(content.length ? [element("p", { class: "notice" }, ...content)] : []));
}

/** The button that shows another version, as `open` does. */
const shower = (number, said, open = go) => element("button", { type: "button", onclick: () => open({ version: String(number), record: "", at: "", offset: "" }) }, said);

/** What is wrong with the version, and the newest one in its place. */
function unavailable({ message, hints }, open = go) {
  if (!hints?.length) return notice(message);
  const [said] = message.split("; ");
  notice(`${said[0].toUpperCase()}${said.slice(1)}. `, shower(hints[0], `Show version ${hints[0]}`, open));
}

async function start() {
  let described;
  let understood = { query: "" };
  try {
    described = await call("dataset", { version: state().version });
  } catch (error) {
    return unavailable(error, (changes) => location.assign(address(changes))); // nothing listens yet
  }
  document.title = `${plain(described.name)} · explorer`;
  const bar = queryBar({ name: described.dataset });
  const insights = insightsPanel();
  const records = recordsPanel({ images: described.images });
  const record = recordView({ images: described.images, schema: () => described.schema });
  const versions = versionsPanel();
  const groups = element("nav", { class: "group-tabs", "aria-label": "Groups" });
  const tabs = element("nav", { class: "view-tabs", "aria-label": "Views" });
  const version = element("select", { name: "app-1", "aria-label": "Version", onchange: () => go({ version: version.value, record: "", at: "" }) });
  const views = element("div", { class: "views-body" }, insights.node, records.node, versions.node);

  byId("top").append(
    element("div", { class: "head" }, element("h1", { title: plain(described.dataset) }, shown(described.name)), version, themes()),
    bar.node,
    element("div", { class: "under" }, groups, tabs, takeAway(described)),
  );
  byId("content").append(views);
  byId("overlay").append(record.node);

  const link = (changes, said, on) => {
    const made = element("a", { href: address(changes), "aria-current": on ? "page" : null }, said);
    made.addEventListener("click", (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
      event.preventDefault();
      go(changes);
    });
    return made;
  };

  function heads() {
    const now = state();
    version.replaceChildren(...described.versions.map((each) => element("option", { value: each.version, selected: each.version === described.version }, `version ${each.version}`)));
    groups.replaceChildren(...Object.entries(described.schema).map(([name, { records: count }]) => link({ group: name, query: "", sort: "", descending: "", columns: "", offset: "", tab: now.tab === "versions" ? "records" : now.tab }, [name, element("small", {}, ` ${compact.format(count)}`)], now.group === name)));
    tabs.replaceChildren(...[["records", "Records"], ["insights", "Insights"], ["versions", "Versions"]].map(([name, said]) => link({ tab: name }, said, now.tab === name)));
    views.dataset.tab = now.tab;
    bar.set(now.query, now.group, described.schema[now.group].fields);
  }

  const both = (query, greyed) => Promise.all([records.load(described.schema, query, greyed), insights.load(described.schema, query, greyed)]);

  /** The last result of the same records, or all of them; in grey, for it is not what is asked for. */
  async function former() {
    const { group, version } = state();
    await both(understood.group === group && understood.version === version ? understood.query : "", true);
  }

  async function results() {
    const { group, query, version } = state();
    try {
      const [slips] = await both(query, false);
      if (state().query === query) bar.right(query, slips);
      understood = { group, query, version };
    } catch (error) {
      if (cancelled(error)) return;
      if (error.status === 410) unavailable(error);
      else bar.wrong(error, query);
      if (error.status === 400) await former().catch(() => {}); // what is wrong is said already
      if (state().query !== query) return; // a newer query is under way
    }
    document.documentElement.dataset.ready = JSON.stringify([state().group, query]);
  }

  async function show(now, before) {
    const changed = (...names) => !before || names.some((name) => now[name] !== before[name]);
    if (before && changed("version")) {
      try {
        described = await call("dataset", { version: now.version });
        notice();
      } catch (error) {
        return unavailable(error);
      }
    }
    heads();
    if (now.tab === "versions" && (changed("tab", "version"))) versions.load(described);
    if (changed("group", "query", "version", "sort", "descending", "offset", "view", "columns")) results();
    if (changed("record", "version")) record.show();
  }

  async function lookForNewer() {
    if (document.hidden) return;
    try {
      const now = await call("dataset", { version: state().version });
      const newest = now.versions[0].version;
      if (newest > described.versions[0].version) notice(`Version ${newest} was published while this page was open. `, shower(newest, `Show version ${newest}`));
    } catch (error) {
      if (error.status === 410) unavailable(error);
    }
  }

  onChange(show);
  await show(state(), null);
  setInterval(lookForNewer, LOOK_AGAIN);
  document.addEventListener("visibilitychange", lookForNewer);
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, select, textarea, dialog");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      bar.focus();
    }
  });
  document.addEventListener("click", (event) => {
    for (const open of document.querySelectorAll("details.take-away[open], details.columns-choice[open]")) if (!open.contains(event.target)) open.open = false;
  });
}

/** Light, dark, or as the system has it. */
function themes() {
  const key = "metadata-etl-theme";
  const stored = () => { try { return localStorage.getItem(key); } catch { return null; } };
  const set = (theme) => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    try { localStorage.setItem(key, theme); } catch { /* for this visit only */ }
  };
  const now = ["light", "dark"].includes(stored()) ? stored() : "auto";
  set(now);
  return element("select", { name: "app-2", "aria-label": "Colours", onchange: (event) => set(event.target.value) }, ["auto", "light", "dark"].map((theme) => element("option", { value: theme, selected: theme === now }, `Colours: ${theme}`)));
}

start();
