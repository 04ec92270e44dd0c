// Two versions side by side: records, fields that came, went or changed, and how much each field drifted.

import { call } from "./api.js";
import { divergence } from "./differences.js";

export function versionsPanel() {
  const panel = element("section", { class: "versions", id: "versions", "aria-label": "Versions" });

  async function load(described) {
    const listed = described.versions;
    const choice = (label, chosen) => element("select", { name: "versions-10", "aria-label": label, onchange: compare }, listed.map(({ version }) => element("option", { value: version, selected: version === chosen }, `version ${version}`)));
    const older = listed.find((each) => each.version < described.version) ?? listed.at(-1);
    const [from, to] = [choice("Compare version", older.version), choice("with version", described.version)];
    const body = element("div", {});
    const rows = listed.map(({ version, published_at: at, records }) => [`Version ${version}`, element("time", { datetime: at }, at.replace("T", " ").replace("+00:00", " UTC")), ...Object.values(records).map(quantity)]);
    panel.replaceChildren(
      element("h2", {}, "Versions"),
      element("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Versions" }, table("Versions of the dataset", [["Version", ""], ["Published", ""], ...Object.keys(listed[0].records).map((group) => [group, "number"])], rows, { class: "plain" })),
      ...(listed.length > 1 ? [element("p", { class: "compare-tools" }, "Compare ", from, " with ", to), body] : [element("p", { class: "note compare-tools" }, "With a second version there will be two to compare here.")]),
    );
    if (listed.length < 2) return;

    async function compare() {
      const versions = [from.value, to.value];
      const isNewest = () => versions[0] === from.value && versions[1] === to.value;
      body.replaceChildren(element("p", { class: "note", role: "status" }, "Comparing…"));
      try {
        const [before, now] = await Promise.all(versions.map((version) => call("dataset", { version })));
        const [counts, parts] = [[], []];
        for (const group of Object.keys(now.schema)) {
          const [was, is] = await Promise.all(versions.map((version) => call("insights", { group, version })));
          const changes = changesOf(before.schema[group], now.schema[group], was, is);
          counts.push([group, quantity(was.count), quantity(is.count), signed(is.count - was.count), changes.length ? whole(changes.length) : "–"]);
          if (changes.length) parts.push(element("h3", {}, group), table(`Changes of ${group}`, [["Field", ""], ["Change", ""], ["Drift", "number"]], changes, { class: "plain changes" }));
        }
        if (!isNewest()) return;
        const head = [["Group", ""], ["Before", "number"], ["Now", "number"], ["Difference", "number"], ["Changes", "number"]];
        body.replaceChildren(
          table(`Records in version ${versions[0]} and version ${versions[1]}`, head, counts, { class: "plain" }),
          ...(parts.length ? [...parts, element("p", { class: "note compare-tools" }, MEASURE)] : [element("p", { class: "note" }, "Both have the same fields, with the same values.")]),
        );
      } catch (error) {
        if (isNewest()) body.replaceChildren(element("p", { class: "notice alert", role: "alert" }, error.message));
      }
    }
    await compare();
  }

  return { node: panel, load };
}

const MEASURE = "Drift is 0 where nothing moved, and 1 at most: how far the values moved (of categories the Jensen-Shannon divergence of their shares, of numbers the way of the mean in standard deviations), or by how much the share of records that have one changed, whichever is more.";
const OTHER_FIELD = 2; // a field that came, went or changed its type stands before those that drifted
const NOTICED = 0.005;

const signed = (difference) => (difference ? `${difference > 0 ? "+" : "−"}${whole(Math.abs(difference))}` : "–");

/** What changed of the fields of a group, what changed most first: name, change in words, drift. */
function changesOf(before, now, was, is) {
  const rows = [];
  const add = (key, change, drift, rank = drift) => rows.push({ rank, cells: [shown(key), change, drift === null ? "" : driftBar(drift)] });
  for (const key of [...new Set([...Object.keys(before.fields), ...Object.keys(now.fields)])].sort()) {
    const [old, current] = [before.fields[key], now.fields[key]];
    if (!old) add(key, [element("strong", {}, "new"), `, ${current.type}, ${percent(current.present, is.count)} have one`], null, OTHER_FIELD);
    else if (!current) add(key, [element("strong", {}, "gone"), `, was ${old.type}, ${percent(old.present, was.count)} had one`], null, OTHER_FIELD);
    else if (old.type !== current.type) add(key, [element("strong", {}, "other type"), `, ${old.type} became ${current.type}`], null, OTHER_FIELD);
    else {
      const rarer = Math.abs(old.present / Math.max(1, was.count) - current.present / Math.max(1, is.count));
      const drift = Math.max(driftOfValues(old, current), rarer);
      const moved = rarer > NOTICED ? `${percent(old.present, was.count)} had one, now ${percent(current.present, is.count)}` : null;
      if (drift > 0.0005 || moved) add(key, said(movedFrom(old, current), moved), drift);
    }
  }
  return rows.sort((one, other) => other.rank - one.rank).map(({ cells }) => cells);
}

/** Two parts of a cell, with a semicolon between them if both are there. */
const said = (one, other) => [one, one && other ? "; " : null, other].flat().filter(Boolean);

function driftBar(drift) {
  const bar = element("span", { class: "drift-bar", "aria-hidden": "true" });
  bar.style.width = `${(4 * Math.min(1, drift)).toFixed(2)}rem`;
  return element("span", { class: "drift" }, bar, drift.toFixed(3));
}

/** How the values moved, in words; nothing where neither means nor categories tell it. */
function movedFrom(old, current) {
  if (old.mean !== null && current.mean !== null) return old.mean === current.mean ? "" : `mean ${number(old.mean)}, now ${number(current.mean)}`;
  if (!old.categories || !current.categories) return "";
  const names = (field) => new Set(field.categories.map((each) => each.value));
  const [was, is] = [names(old), names(current)];
  const [came, went] = [[...is].filter((each) => !was.has(each)), [...was].filter((each) => !is.has(each))];
  const changed = [came.length ? `${plural(came.length, "new value")}` : null, went.length ? `${plural(went.length, "value")} gone` : null].filter(Boolean);
  if (changed.length) return changed.join(", ");
  const counts = new Map(old.categories.map((each) => [each.value, each.count]));
  const move = ({ value, count }) => Math.abs(count / current.present - counts.get(value) / old.present);
  const most = d3.greatest(current.categories, move);
  return most && move(most) > NOTICED ? [shown(most.value), ` ${percent(counts.get(most.value), old.present)} of the values, now ${percent(most.count, current.present)}`] : "";
}

/** How far the values moved: of categories the Jensen-Shannon divergence of their shares, of numbers the way of the mean. */
function driftOfValues(old, current) {
  if (!old.present || !current.present) return 0;
  if (old.categories && current.categories) {
    const [p, q] = [old, current].map((field) => new Map(field.categories.map((each) => [each.value, each.count / field.present])));
    const names = [...new Set([...p.keys(), ...q.keys()])];
    return divergence(...[p, q].map((shares) => names.map((name) => shares.get(name) ?? 0)));
  }
  if (old.mean === null || current.mean === null) return 0;
  const spread = Number(old.stddev) || Number(current.stddev) || 1;
  return Math.min(1, Math.abs(Number(old.mean) - Number(current.mean)) / spread);
}
