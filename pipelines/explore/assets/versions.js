// Two versions side by side: records, fields that came, went or changed, and how much each field drifted.

import { call } from "./api.js";

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
      body.replaceChildren(element("p", { class: "note" }, "Comparing…"));
      try {
        const [before, now] = await Promise.all([from.value, to.value].map((version) => call("dataset", { version })));
        const parts = [];
        for (const group of Object.keys(now.schema)) {
          const [was, is] = await Promise.all([from.value, to.value].map((version) => call("insights", { group, version })));
          const changes = changesOf(before.schema[group], now.schema[group], was, is);
          if (changes.length) parts.push(element("h3", {}, group), element("p", { class: "note" }, `${plural(was.count, "record")} before, ${whole(is.count)} now.`), table(`Changes of ${group}`, [["Field", ""], ["Change", ""], ["Drift", "number"]], changes, { class: "plain" }));
          else if (was.count !== is.count) parts.push(element("h3", {}, group), element("p", { class: "note" }, `${plural(was.count, "record")} before, ${whole(is.count)} now.`));
        }
        body.replaceChildren(...(parts.length ? parts : [element("p", { class: "note" }, "Both have the same records, fields and categories.")]));
      } catch (error) {
        body.replaceChildren(element("p", { class: "notice alert", role: "alert" }, error.message));
      }
    }
    await compare();
  }

  return { node: panel, load };
}

function changesOf(before, now, was, is) {
  const rows = [];
  for (const key of [...new Set([...Object.keys(before.fields), ...Object.keys(now.fields)])].sort()) {
    const [old, current] = [before.fields[key], now.fields[key]];
    if (!old) rows.push([shown(key), `new, ${current.type}`, ""]);
    else if (!current) rows.push([shown(key), `gone, was ${old.type}`, ""]);
    else if (old.type !== current.type) rows.push([shown(key), `${old.type} became ${current.type}`, ""]);
    else {
      const drift = driftOf(old, current, was, is, key);
      if (drift > 0.0005) rows.push([shown(key), movedFrom(old, current), drift.toFixed(3)]);
    }
  }
  return rows;
}

function movedFrom(old, current) {
  if (old.mean !== null && current.mean !== null) return `mean ${number(old.mean)}, now ${number(current.mean)}`;
  const names = (field) => new Set((field.categories ?? []).map((each) => each.value));
  const [was, is] = [names(old), names(current)];
  const [came, went] = [[...is].filter((each) => !was.has(each)), [...was].filter((each) => !is.has(each))];
  const said = [came.length ? `${plural(came.length, "new value")}` : null, went.length ? `${plural(went.length, "value")} gone` : null].filter(Boolean);
  return said.join(", ") || "other shares";
}

/** Jensen-Shannon of shares for categories; of numbers how far the mean moved, in standard deviations, capped at 1. */
function driftOf(old, current, was, is, key) {
  if (old.categories && current.categories) {
    const share = (field, total) => new Map(field.categories.map((each) => [each.value, each.count / Math.max(1, total)]));
    const [p, q] = [share(old, was.count), share(current, is.count)];
    const bits = (one, other) => (one ? one * Math.log2(one / other) : 0);
    return d3.sum(new Set([...p.keys(), ...q.keys()]), (each) => {
      const [one, other] = [p.get(each) ?? 0, q.get(each) ?? 0];
      return (bits(one, (one + other) / 2) + bits(other, (one + other) / 2)) / 2;
    });
  }
  if (old.mean === null || current.mean === null) return Math.abs(old.present / Math.max(1, was.count) - current.present / Math.max(1, is.count));
  const spread = Number(old.stddev) || Number(current.stddev) || 1;
  return Math.min(1, Math.abs(Number(old.mean) - Number(current.mean)) / spread);
}
