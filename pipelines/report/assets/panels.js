// The overview of a group: what it holds, what is missing, what was rejected, what changed.

const tile = (name, value, note) => element("div", { class: "tile" }, element("dt", {}, name), element("dd", {}, value, note ? element("small", {}, note) : null));
const panel = (title, ...content) => element("section", { class: "panel" }, element("h3", {}, title), ...content);
const signed = (count) => `${count > 0 ? "+" : "−"}${whole(Math.abs(count))}`;

/** Address of a field within this page. */
function address(group, name) {
  try {
    return `#${group.name}/${encodeURIComponent(beginning(name))}`;
  } catch {
    return `#${group.name}`; // half a character, which no address can name
  }
}
const linkTo = (group, name) => element("a", { href: address(group, name) }, shown(name));

/** The numbers of a group at a glance. */
function tiles(group) {
  const cells = group.records * group.fields.length;
  const empty = d3.sum(group.fields, (field) => field.null + field.missing);
  const before = group.changes?.records[0];
  const change = before === undefined || before === group.records ? null : `${signed(group.records - before)} since the version before`;
  return element(
    "dl",
    { class: "tiles" },
    tile("Records", quantity(group.records), change),
    tile("Fields", quantity(group.fields.length)),
    cells ? tile("Values missing", percent(empty, cells), "of all fields in all records") : null,
    tile("Read by the job", quantity(group.counts.read), jobNote(group.counts)),
    tile("Rejected", group.rejections.length ? element("a", { href: `#${group.name}-rejections` }, quantity(group.counts.rejected)) : quantity(group.counts.rejected), group.counts.rejected ? `${percent(group.counts.rejected, group.counts.read)} of what was read` : null),
    group.conflicts.length ? tile("Type conflicts", quantity(group.conflicts.length)) : null,
  );
}

const jobNote = (counts) =>
  ["created", "updated", "ignored", "unchanged"]
    .filter((name) => counts[name])
    .map((name) => `${whole(counts[name])} ${name}`)
    .join(", ");

/** All that is to be said of a group beside its fields and its conflicts. */
function panels(group, page, land) {
  const made = [];
  if (group.fields.length) made.push(panel("Fields by type", bars({ caption: `Fields of ${group.name} by type`, of: "Fields", head: "Type", rows: byType(group) })));
  const gaps = d3.sort(group.fields.filter((field) => field.null + field.missing), (field) => -(field.null + field.missing));
  if (gaps.length) {
    const rows = gaps.slice(0, 6).map((field) => ({ value: element("span", {}, linkTo(group, field.name), gapsSaid(field, group)), count: field.null + field.missing }));
    const note = `${plural(gaps.length, "field")} of ${whole(group.fields.length)} ${gaps.length === 1 ? "lacks" : "lack"} values in some records.`;
    made.push(panel("Most often missing", bars({ caption: `Fields of ${group.name} that are missing most often`, of: "Missing", head: "Field", rows, total: group.records }), element("p", { class: "note" }, note)));
  }
  if (group.rejections.length) made.push(rejectionPanel(group));
  if (group.annotations) made.push(...annotationPanels(group));
  const changed = changePanel(group, page);
  if (changed) made.push(changed);
  const where = group.locations ? element("section", { class: "panel wide lazy-map", id: `${group.name}-map` }, element("h3", {}, "Locations")) : null;
  if (where) whenSeen(where, () => where.append(locationMap(group, land())));
  return [element("div", { class: "panels" }, made), where];
}

function byType(group) {
  const counted = d3.rollups(group.fields, (fields) => fields.length, (field) => field.type);
  return d3.sort(counted, ([, count]) => -count).map(([type, count]) => ({ value: type, count }));
}

function rejectionPanel(group) {
  const rows = group.rejections.map(({ code, count, example }) => [
    [words(code), example ? element("div", { class: "example" }, shown(example.message), element("small", {}, placeOf(example))) : null],
    quantity(count),
  ]);
  const made = panel("Rejections", folded(rows, (some) => table(`Rejections of ${group.name} by code`, [["Reason, and a first example", ""], ["Records", "number"]], some, { class: "plain" })));
  made.id = `${group.name}-rejections`;
  return made;
}

/** Where a record stands that is given as an example. */
function placeOf({ export: file, line, reference_id: id }) {
  return [file ? shown(file) : null, line ? `, line ${plain(line)}` : null, id ? [" · ", shown(id)] : null].flat();
}

function conflictPanel(group) {
  const rows = group.conflicts.map(({ field, kinds, examples }) => [
    linkTo(group, field),
    Object.entries(kinds).map(([kind, count]) => `${whole(count)} ${kind}`).join(", "),
    examples.map((each) => element("div", { class: "example" }, shown(each.value, "code"), element("small", {}, placeOf(each)))),
  ]);
  const made = panel("Type conflicts", folded(rows, (some) => table(`Type conflicts of ${group.name}`, [["Field", ""], ["Kinds", ""], ["Rarest kind, first examples", ""]], some, { class: "plain" })));
  made.classList.add("alert", "wide");
  return made;
}

function changePanel(group, page) {
  if (!group.changes) return null;
  const { added, dropped, retyped, categories } = group.changes;
  const named = ([count, names]) => [names.map((name, at) => [at ? ", " : null, shown(name)]), count > names.length ? ` and ${whole(count - names.length)} more` : null].flat(2);
  const rows = [
    ...added.map(([name, type]) => [linkTo(group, name), `new, ${type}`]),
    ...dropped.map(([name, type]) => [shown(name), `gone, was ${type}`]),
    ...retyped.map(([name, before, now]) => [linkTo(group, name), `${before} became ${now}`]),
    ...categories.flatMap(([name, came, went]) => [
      came[0] ? [linkTo(group, name), ["new: ", ...named(came)]] : null,
      went[0] ? [linkTo(group, name), ["gone: ", ...named(went)]] : null,
    ]).filter(Boolean),
  ];
  const [before, now] = group.changes.records;
  if (!rows.length && before === now) return null;
  const counted = element("p", { class: "note" }, `${plural(before, "record")} before, ${whole(now)} now.`);
  const title = `Changed since version ${page.compared}`;
  if (!rows.length) return panel(title, counted, element("p", { class: "note" }, "No field came, went, or changed its type or its categories."));
  return panel(title, counted, folded(rows, (some) => table(`Changes of ${group.name}`, [["Field", ""], ["Change", ""]], some, { class: "plain" })));
}

/** The first rows of a long table, and all of it on demand. */
function folded(rows, make, first = 4) {
  if (rows.length <= first + 1) return make(rows);
  const box = element("div", {}, make(rows.slice(0, first)));
  const all = element("button", { type: "button", class: "quiet" }, `Show all ${whole(rows.length)}`);
  all.addEventListener("click", () => box.replaceChildren(make(rows)));
  box.append(element("div", { class: "below" }, all, element("span", { class: "status" }, `${whole(first)} of ${whole(rows.length)} shown`)));
  return box;
}
