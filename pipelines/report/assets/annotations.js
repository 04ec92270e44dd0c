// What annotations and predictions are counted by: labels, types, model runs, how many a record has, sizes, confidence.

/** A panel for each thing that a group of annotations is counted by. */
function annotationPanels(group) {
  const { labels, types, runs, classes, per_record, sizes, confidence } = group.annotations;
  const boxes = d3.sum(sizes.counts);
  return [
    listed(group, "Labels", "Label", labels),
    listed(group, "Types", "Type", types),
    listed(group, "Model runs", "Model run", runs),
    ...classes.map((of) => listed(group, ["Classes of ", shown(of.taxonomy)], "Class", of)),
    panel(`${group.name === "predictions" ? "Predictions" : "Annotations"} per record`, binned(`How many ${group.name} items and scenes have`, "Number", "Records", per_record, "")),
    boxes ? panel("Box sizes", binned(`Sizes of boxes of ${group.name}`, "Side", "Boxes", sizes, " px"), element("p", { class: "note" }, "Side of a square with the area of the box.")) : null,
    ...confidence.map(confidencePanel),
  ].filter(Boolean);
}

function listed(group, title, head, { values, counts, total }) {
  if (!values.length) return null;
  const rows = values.map((value, at) => ({ value, count: counts[at] }));
  const left = total > values.length ? element("p", { class: "note" }, `The ${whole(values.length)} most frequent of ${whole(total)}.`) : null;
  const caption = `${[title].flat().map((each) => (each instanceof Node ? each.textContent : each)).join("")} of ${group.name}`;
  return panel(title, bars({ caption, of: "Records", head, rows, total: group.records, filter: `Filter: ${caption}` }), left);
}

/** Bins in their order as bars, without the empty ones beyond the last. */
function binned(caption, head, of, { edges, counts }, unit) {
  const last = counts.findLastIndex((count) => count > 0);
  const named = (at) => {
    if (at === counts.length - 1) return `${whole(edges[at])}${unit} and more`;
    return edges[at + 1] - edges[at] === 1 && !unit ? whole(edges[at]) : `${whole(edges[at])} to ${unit ? "below " : ""}${whole(edges[at + 1] - (unit ? 0 : 1))}${unit}`;
  };
  const rows = counts.slice(0, last + 1).map((count, at) => ({ value: named(at), count }));
  return bars({ caption, of, head, rows, total: d3.sum(counts) });
}

function confidencePanel({ run, edges, counts, missing }) {
  const found = d3.sum(counts);
  const name = beginning(run);
  return panel(
    ["Confidence of ", shown(run)],
    found ? histogram({ name: `confidence of ${name}`, histogram: { edges, counts, quantiles: {} } }) : null,
    missing ? element("p", { class: "note" }, `${plural(missing, "prediction")} without a confidence.`) : null,
  );
}
