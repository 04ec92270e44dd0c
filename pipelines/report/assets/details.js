// What is shown of a field when it is opened.

const QUANTILES = [["0.01", "1\u00a0%"], ["0.05", "5\u00a0%"], ["0.25", "25\u00a0%"], ["0.5", "Median"], ["0.75", "75\u00a0%"], ["0.95", "95\u00a0%"], ["0.99", "99\u00a0%"]];
const KINDS = { items: "sensor", scenes: "type of scene" };
const OBSERVED = { bool: "booleans", int: "integers", float: "decimals", string: "strings", list: "lists", object: "objects" };

function fieldBody(field, group) {
  return [
    field.declared?.description ? element("p", { class: "description" }, shown(field.declared.description)) : null,
    element("div", { class: "split" }, element("div", { class: "chart-side" }, drawing(field, group)), element("div", { class: "fact-side" }, presence(field, group), about(field))),
  ];
}

/** The chart of a field, or what stands in for one. */
function drawing(field, group) {
  const made = [];
  if (field.histogram) made.push(histogram(field));
  if (field.statistics) made.push(statistics(field));
  if (field.type === "geographic" && group.locations) made.push(element("p", { class: "note" }, element("a", { href: `#${group.name}-map` }, "Map of all locations"), " of this group"));
  if (field.timeline) made.push(timeline(field));
  if (field.categories) made.push(categoryBars(field));
  if (field.examples) made.push(element("h4", {}, "Examples"), element("ul", { class: "examples" }, field.examples.map((each) => element("li", {}, shown(each)))));
  if (!made.length) made.push(element("p", { class: "note" }, nothing(field)));
  return made;
}

function nothing(field) {
  if (!field.present) return "No record has a value here.";
  if (field.type === "conflict") return "This field holds values of more than one kind, so it has no type; see the type conflicts above.";
  return "None of the first records has a value here, so there are no examples to show.";
}

function categoryBars(field) {
  const rows = field.categories.values.map((value, at) => ({ value, count: field.categories.counts[at] }));
  return bars({ caption: `Categories of ${plain(field.name)}`, of: "Records", head: "Category", rows, total: field.present, filter: `Filter the categories of ${plain(field.name)}` });
}

function statistics(field) {
  const { minimum, maximum, mean, stddev } = field.statistics;
  const quantiles = field.histogram?.quantiles ?? {};
  const between = QUANTILES.filter(([name]) => quantiles[name] !== undefined).map(([name, said]) => [said, element("span", { title: "within 0.4\u00a0%" }, "≈ ", quantity(quantiles[name]))]);
  return facts([["Minimum", quantity(minimum)], ...between, ["Maximum", quantity(maximum)], ["Mean", quantity(mean)], ["Std. deviation", quantity(stddev)]], "numbers");
}

/** In how many records the field has a value, has null, is missing. */
function presence(field, group) {
  const parts = [["present", "Has a value"], ["null", "Is null"], ["missing", "Is missing"]];
  const meter = element("div", { class: "presence", "aria-hidden": "true" });
  for (const [name] of parts) {
    if (!field[name]) continue;
    const part = element("span", { class: name });
    part.style.flexGrow = field[name] / group.records;
    meter.append(part);
  }
  return [meter, presenceTable(field, group, parts), gapsOf(field, group)];
}

/** Where a field is missing, if sensors or types of scenes differ in it. */
function gapsOf(field, group) {
  if (!field.gaps) return null;
  const kind = KINDS[group.name];
  const rows = field.gaps.map(([name, records, missing]) => [name === null ? `without a ${kind}` : shown(name), quantity(missing), percent(missing, records)]);
  return [element("h4", {}, `Missing, by ${kind}`), table(`Where ${plain(field.name)} is missing, by ${kind}`, [[`By ${kind}`, ""], ["Missing", "number"], ["Share", "number"]], rows, { class: "plain tight" })];
}

/** The same in a few words: where it is always missing, or never, else where most. */
function gapsSaid(field, group) {
  if (!field.gaps) return null;
  const named = (found) => found.slice(0, 3).flatMap(([name], at) => [at ? ", " : null, name === null ? `without a ${KINDS[group.name]}` : shown(name)]).concat(found.length > 3 ? [` and ${whole(found.length - 3)} more`] : []);
  const [never, always] = [field.gaps.filter(([, records, missing]) => missing === records), field.gaps.filter(([, , missing]) => !missing)];
  if (never.length) return element("small", { class: "gaps" }, "never: ", named(never));
  if (always.length) return element("small", { class: "gaps" }, "always: ", named(always));
  const most = d3.greatest(field.gaps, ([, records, missing]) => missing / records);
  return element("small", { class: "gaps" }, `missing in ${percent(most[2], most[1])}: `, named([most]));
}

function presenceTable(field, group, parts) {
  const rows = parts.map(([name, said]) => [
    [element("span", { class: `swatch ${name}` }), said],
    quantity(field[name]),
    percent(field[name], group.records),
  ]);
  return table(`Records of ${group.name} by what ${plain(field.name)} holds`, [["What it holds", ""], ["Records", "number"], ["Share", "number"]], rows, { class: "plain tight" });
}

function about(field) {
  const observed = Object.entries(field.observed).map(([name, count]) => `${whole(count)} ${OBSERVED[name]}`).join(", ");
  const { declared, distinct } = field;
  return facts([
    ["Stored as", field.storage ?? null],
    ["Came in as", observed || null],
    ["Distinct strings", distinct ? [distinct.exact ? null : "about ", quantity(distinct.value)] : null],
    ["Column in Avro", field.column ? shown(field.column, "code") : null],
    ["Inexact integers", field.inexact ? [quantity(field.inexact), field.storage === "double" ? " lost digits as doubles" : " that a double could not hold"] : null],
    ["Declared as", declared ? declared.type : null],
    ["Choices", declared?.choices ? choices(declared.choices) : null],
  ]);
}

function choices(listed) {
  const some = (names) => names.flatMap((name, at) => [at ? ", " : null, shown(name)]);
  return listed.length <= 12 ? some(listed) : [some(listed.slice(0, 8)), opening(`and ${whole(listed.length - 8)} more`, () => element("p", {}, some(listed.slice(8))))];
}
