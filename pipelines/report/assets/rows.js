// The list of a group's fields. A row is a name and a type until it comes into view; its chart is drawn when it is open
// and in view. So a page of thousands of fields is there as soon as one of ten.

const MARGIN = "300px";
const waiting = new WeakMap();
const observer = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) draw(target);
    }
  },
  { rootMargin: MARGIN },
);

/** Has something drawn once it comes into view. */
function whenSeen(target, work) {
  waiting.set(target, [...(waiting.get(target) ?? []), work]);
  observer.unobserve(target); // so that one that is in view already is told of again
  observer.observe(target);
}

/** Does what waits for an element to come into view. */
function draw(target) {
  const works = waiting.get(target) ?? [];
  waiting.delete(target);
  observer.unobserve(target);
  for (const work of works) work();
}

/** A row of the list: what the search and the sort go by, and its element. */
function fieldRow(field, group, at) {
  const spark = element("span", { class: "spark" });
  const gist = element("span", { class: "gist" });
  const body = element("div", { class: "body" });
  const filled = element("span", { class: "filled" }, element("span", { class: "sr" }, "filled "), percent(field.present, group.records));
  const summary = element(
    "summary",
    {},
    element("span", { class: "name" }, shown(field.name)),
    element("span", { class: `type type-${field.type}` }, field.type, field.declared ? element("span", { class: "declared" }, " declared") : null),
    spark,
    gist,
    filled,
  );
  const details = element("details", { class: "field" }, summary, body);
  whenSeen(details, () => {
    spark.append(sparkline(field) ?? "");
    gist.append(...[gistOf(field)].flat(2).filter(Boolean));
    details.dataset.drawn = "row";
  });
  details.addEventListener("toggle", () => {
    if (!details.open || body.childElementCount) return;
    whenSeen(details, () => {
      if (body.childElementCount) return;
      body.append(...fieldBody(field, group).filter(Boolean));
      details.dataset.drawn = "body";
    });
  });
  const text = `${beginning(field.name)}\n${field.declared?.description ? beginning(field.declared.description) : ""}`.toLowerCase();
  return { field, group, at, details, item: element("li", {}, details), text, missing: field.null + field.missing };
}

/** A field in a few words. */
function gistOf(field) {
  if (field.statistics) {
    const { minimum, maximum, mean } = field.statistics;
    return typeof minimum === "number" && minimum === maximum ? ["always ", number(minimum)] : [number(minimum), " to ", number(maximum), element("span", { class: "aside" }, "mean ", number(mean))];
  }
  if (field.timeline) {
    const { names } = timelineBins(field.timeline);
    return [names[0], names.length > 1 ? [" to ", names.at(-1)] : null, element("span", { class: "aside" }, "dates")].flat();
  }
  if (field.categories?.values.length) {
    const { values, counts } = field.categories;
    const first = values.slice(0, 3).map((value, at) => [at ? ", " : null, shown(value), element("small", {}, ` ${percent(counts[at], field.present)}`)]);
    return [...first, values.length > 3 ? element("small", {}, `, ${whole(values.length - 3)} more`) : null];
  }
  if (!field.present) return "no values";
  if (field.distinct) return [field.distinct.exact ? null : "about ", whole(field.distinct.value), " distinct strings"];
  if (field.type === "conflict") return "values of more than one kind";
  return Object.entries(field.observed).map(([name, count]) => `${whole(count)} ${OBSERVED[name]}`).join(", ");
}

const ORDERS = {
  name: ["Name", (one, other) => one.at - other.at],
  missing: ["Most missing", (one, other) => other.missing - one.missing || one.at - other.at],
  type: ["Type", (one, other) => d3.ascending(one.field.type, other.field.type) || one.at - other.at],
};
