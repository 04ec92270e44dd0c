// The page: its head, its groups, and what a person does with it.

const page = documentOf("document");
let world = null;
const land = () => {
  const topology = (world ??= documentOf("land"));
  return topojson.feature(topology, topology.objects.land);
};
const byId = (id) => document.getElementById(id);
const rows = [];

const STATES = {
  failed: "This run published nothing",
  dry_run: "This is a dry run: nothing was published",
  unchanged: "Nothing was published",
};

function masthead() {
  const { run } = page;
  const said = [];
  if (run) said.push(["Run ", shown(run.id)]);
  else if (page.version !== null) {
    said.push(`Version ${whole(page.version)}`, element("time", { datetime: page.published_at }, `published ${page.published_at.replace("T", " ").replace("+00:00", " UTC")}`));
    said.push(page.parent === null ? "the first version" : page.compared === null ? `from version ${whole(page.parent)}, which is not there any more` : `from version ${whole(page.parent)}`);
  }
  byId("masthead").append(
    element(
      "div",
      { class: "title" },
      element("p", { class: "kicker" }, "Dataset insights"),
      element("h1", {}, shown(page.dataset)),
      element("p", { class: "subtitle" }, said.flatMap((each, at) => [at ? " · " : null, each].flat())),
      element("p", { class: "place" }, shown(page.place, "code")),
    ),
    themes(),
    run ? element("p", { class: "notice alert", role: "alert" }, element("strong", {}, STATES[run.outcome]), run.message ? [": ", shown(run.message), "."] : ".") : "",
  );
}

/** What the job did, over all groups. */
function jobPanel() {
  const ends = ["read", "created", "updated", "ignored", "unchanged", "rejected"].filter((name) => name === "read" || page.groups.some((group) => group.counts[name]));
  const known = page.groups.map((group) => [element("a", { href: `#${group.name}` }, group.name), quantity(group.records), ...ends.map((name) => quantity(group.counts[name]))]);
  const counts = table("Records of each group, and what the job did with those it read", [["Group", ""], ["Records", "number"], ...ends.map((name) => [name[0].toUpperCase() + name.slice(1), "number"])], known, { class: "plain" });
  const { upload, cached } = page.cache_keys;
  const warned = Object.entries(page.warnings).filter(([, count]) => count);
  return element(
    "section",
    { class: "job", "aria-labelledby": "job-title" },
    element("h2", { id: "job-title" }, "The job"),
    element("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Counts of the groups" }, counts),
    facts([
      ["Files to upload", quantity(upload)],
      ["Files cached already", quantity(cached)],
      ...warned.map(([code, count]) => [`Warning: ${words(code)}`, quantity(count)]),
    ], "numbers"),
  );
}

function groupSection(group) {
  const section = element("section", { class: "group", id: group.name, "aria-labelledby": `${group.name}-title`, tabindex: "-1" }, element("h2", { id: `${group.name}-title` }, group.name));
  if (!group.records && !group.fields.length && !group.counts.read) {
    section.append(element("p", { class: "note" }, `No ${group.name}.`));
    return section;
  }
  section.append(tiles(group), ...(group.conflicts.length ? [element("div", { class: "panels" }, conflictPanel(group))] : []));
  if (group.fields.length) {
    const list = element("ul", { class: "fields", role: "list", "aria-label": `Fields of ${group.name}` });
    const own = group.fields.map((field, at) => fieldRow(field, group, at));
    rows.push(...own);
    list.append(...own.map((row) => row.item));
    section.append(element("h3", { class: "fields-title" }, "Fields"), headings(), list, element("p", { class: "note none-found", hidden: true }, "No field of this group matches."));
  }
  section.append(...panels(group, page, land).filter(Boolean));
  return section;
}

/** What stands in the columns of the list, for the eye: each row says it in words. */
const headings = () => element("div", { class: "headings", "aria-hidden": "true" }, ["Name", "Type", "Values", "", "Filled"].map((name, at) => element("span", { class: at === 4 ? "filled" : null }, name)));

const status = element("span", { class: "status", role: "status" });
const search = element("input", { type: "search", id: "search", "aria-label": "Search fields", placeholder: "Search fields", "aria-keyshortcuts": "/", oninput: () => arrange() });
const types = element("select", { id: "type", "aria-label": "Type of fields", onchange: () => arrange() });
const order = element("select", { id: "sort", "aria-label": "Sort fields by", onchange: () => arrange() }, Object.entries(ORDERS).map(([value, [name]]) => element("option", { value }, `Sort: ${name.toLowerCase()}`)));

function toolbar() {
  const listed = [...new Set(rows.map((row) => row.field.type))].sort();
  types.append(element("option", { value: "" }, "All types"), ...listed.map((type) => element("option", { value: type }, type)));
  const all = (open) => () => rows.forEach((row) => (row.details.open = open && !row.item.hidden));
  byId("toolbar").append(
    element("ul", { class: "groups" }, page.groups.map((group) => element("li", {}, element("a", { href: `#${group.name}` }, group.name)))),
    element("div", { class: "tools", role: "search" }, search, types, order, element("button", { type: "button", id: "open-all", onclick: all(true) }, "Open all"), element("button", { type: "button", id: "close-all", onclick: all(false) }, "Close all"), status),
  );
}

/** Shows the fields that are searched for, in the order that is asked for. */
function arrange() {
  const wanted = search.value.trim().toLowerCase();
  const [, compare] = ORDERS[order.value];
  let count = 0;
  for (const list of document.querySelectorAll(".fields")) {
    const own = rows.filter((row) => row.item.parentNode === list).sort(compare);
    let found = 0;
    for (const row of own) {
      row.item.hidden = !(row.text.includes(wanted) && (!types.value || row.field.type === types.value));
      found += !row.item.hidden;
    }
    list.append(...own.map((row) => row.item));
    list.nextElementSibling.hidden = found > 0;
    count += found;
  }
  status.textContent = count === rows.length ? plural(count, "field") : `${whole(count)} of ${plural(rows.length, "field")}`;
}

/** Light, dark, or as the system has it; remembered where the browser lets a file remember. */
function themes() {
  const stored = () => { try { return localStorage.getItem("metadata-etl-theme"); } catch { return null; } };
  const store = (theme) => { try { localStorage.setItem("metadata-etl-theme", theme); } catch { /* for this visit only, then */ } };
  const set = (theme) => (theme === "auto" ? delete document.documentElement.dataset.theme : (document.documentElement.dataset.theme = theme));
  const now = ["light", "dark"].includes(stored()) ? stored() : "auto";
  set(now);
  const choice = (theme) => [
    element("input", { type: "radio", name: "theme", id: `theme-${theme}`, value: theme, checked: theme === now, onchange: () => (set(theme), store(theme)) }),
    element("label", { for: `theme-${theme}` }, theme[0].toUpperCase() + theme.slice(1)),
  ];
  return element("fieldset", { class: "themes" }, element("legend", { class: "sr" }, "Colours"), ["auto", "light", "dark"].flatMap(choice));
}

/** Opens the field that the address names, `#group/field`. */
function follow() {
  const [name, ...rest] = location.hash.slice(1).split("/");
  if (!rest.length) return;
  let wanted;
  try {
    wanted = decodeURIComponent(rest.join("/"));
  } catch {
    return; // no address that this page gave
  }
  const row = rows.find((each) => each.group.name === name && beginning(each.field.name) === wanted);
  if (!row) return;
  if (row.item.hidden) {
    search.value = types.value = "";
    arrange();
  }
  row.details.open = true;
  row.details.scrollIntoView({ block: "start" });
  row.details.querySelector("summary").focus({ preventScroll: true });
}

function keys(event) {
  const typing = event.target.closest?.("input, select, textarea");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    search.focus();
    search.select();
  } else if (event.key === "Escape" && event.target === search) {
    search.value = "";
    arrange();
  }
}

/** Paper has no view to come into: what is shown is drawn. */
function beforePrint() {
  for (const place of document.querySelectorAll(".lazy-map, .fields > li:not([hidden]) > .field")) draw(place);
}

masthead();
const sections = page.groups.map(groupSection); // a run that published nothing is asked first what it did
byId("content").append(...(page.run ? [jobPanel(), ...sections] : [...sections, jobPanel()]));
toolbar();
arrange();
document.addEventListener("keydown", keys);
window.addEventListener("hashchange", follow);
window.addEventListener("beforeprint", beforePrint);
follow();
document.documentElement.dataset.ready = "true";
