// Charts that compare a result with the whole version: the whole in grey, the result in colour, on the same edges.
// Both are drawn by their shares, so that the shapes compare however few the result has.

const SVG = "http://www.w3.org/2000/svg";
const FEW = 6;

function svg(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null && value !== undefined) made.setAttribute(name, value);
  made.append(...children.filter(Boolean));
  return made;
}

const sum = (counts) => counts.reduce((total, each) => total + each, 0);
const share = (count, total) => (total ? count / total : 0);

/** A histogram of shares of the numbers of a field; `part` is none without a query. */
export function histogramOf({ name, version, part, pick }) {
  const { edges, counts } = version.histogram;
  const named = (first, last) => (edges[first] === edges[last + 1] ? number(edges[first]) : `${number(edges[first])} to ${number(edges[last + 1])}`);
  return binsOfShares({ title: `Histogram of ${name}`, counts, part: part?.histogram.counts, named, ends: [tick(Number(edges[0])), tick(Number(edges.at(-1)))], pick });
}

/** A timeline of shares of the dates of a field; `bins` are those of `timelineBins`. */
export function timelineOf({ name, bins, version, part, pick }) {
  const counts = timelineCounts(version, bins);
  const own = part && timelineCounts(part, bins);
  const [first, last] = [bins.names[0], bins.names.at(-1)].map((each) => each.split(" to "));
  const named = (one, other) => (one === other ? bins.names[one] : `${bins.names[one].split(" to ")[0]} to ${bins.names[other].split(" to ").at(-1)}`);
  return binsOfShares({ title: `Timeline of ${name}`, counts, part: own, named, ends: [first[0], last.at(-1)], pick });
}

/**
 * Bins as shares. A click on a bin, Enter on it, or a drag over several gives a range; Shift and an arrow key choose
 * several with the keyboard.
 *
 * @param counts, part Of all records and of the result, which is none without a query.
 * @param named A range of bins in words, given the first and the last one; `ends` are what stands below the chart.
 * @param pick Takes the first and the last bin of a range.
 */
function binsOfShares({ title, counts, part, named, ends, pick }) {
  const own = part ?? counts;
  const [all, some] = [sum(counts), sum(own)];
  const most = Math.max(...counts.map((each) => share(each, all)), ...own.map((each) => share(each, some))) || 1;
  const width = 100 / counts.length;
  const height = (count, total) => (count ? Math.max(1.2, (share(count, total) / most) * 46) : 0);
  const chart = svg("svg", { class: "bins", viewBox: "0 0 100 48", preserveAspectRatio: "none", role: "group", "aria-label": `${title}: arrow keys go from bin to bin, with Shift they choose several, Enter asks for them` });
  const everything = part ? `${whole(some)} of ${plural(all, "value")}` : plural(all, "value");
  const readout = element("p", { class: "readout", "aria-live": "polite" }, everything);
  const bins = counts.map((count, at) => {
    const said = `${named(at, at)}: ${part ? `${whole(own[at])} of ${whole(count)}` : whole(count)}`;
    const hit = svg("rect", { class: "hit", x: at * width, width, y: 0, height: 48, role: "button", tabindex: at ? -1 : 0, "aria-label": said });
    hit.addEventListener("focus", () => (readout.textContent = said));
    hit.addEventListener("pointerenter", () => (readout.textContent = said));
    return hit;
  });
  counts.forEach((count, at) => {
    const gap = Math.min(0.6, width * 0.12);
    const bar = (kind, each, total) => svg("rect", { class: kind, x: at * width + gap, width: width - 2 * gap, y: 48 - height(each, total), height: height(each, total) });
    if (part) chart.append(bar("grey", count, all));
    chart.append(bar("colour", own[at], some));
  });
  chart.append(...bins);
  let first = null;
  const mark = (from, to) => bins.forEach((bin, at) => bin.classList.toggle("brushed", from !== null && at >= Math.min(from, to) && at <= Math.max(from, to)));
  const brush = (last) => mark(first, last);
  const binAt = (event) => {
    const box = chart.getBoundingClientRect();
    return Math.max(0, Math.min(bins.length - 1, Math.floor(((event.clientX - box.left) / box.width) * bins.length)));
  };
  chart.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    first = binAt(event);
    chart.setPointerCapture(event.pointerId);
    brush(first);
  });
  chart.addEventListener("pointermove", (event) => first !== null && brush(binAt(event)));
  chart.addEventListener("pointercancel", () => ((first = null), brush(0)));
  chart.addEventListener("pointerup", (event) => {
    if (first === null) return;
    const range = [first, binAt(event)].sort((one, other) => one - other);
    first = null;
    brush(0);
    pick(...range);
  });
  chart.addEventListener("pointerleave", () => (readout.textContent = everything));
  let anchor = null;
  chart.addEventListener("keydown", (event) => {
    const at = bins.indexOf(document.activeElement);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (at >= 0 && step) {
      event.preventDefault();
      const next = Math.max(0, Math.min(bins.length - 1, at + step));
      anchor = event.shiftKey ? anchor ?? at : null;
      bins[next].focus();
      mark(anchor, next);
      if (anchor !== null) readout.textContent = named(Math.min(anchor, next), Math.max(anchor, next));
    } else if (at >= 0 && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      pick(...[anchor ?? at, at].sort((one, other) => one - other));
    } else if (event.key === "Escape") mark((anchor = null), at);
  });
  return element("div", { class: "histogram" }, chart, element("div", { class: "ends", "aria-hidden": "true" }, ends.map((each) => element("span", {}, each))), readout);
}


/**
 * Bars of categories. A click on one gives its value.
 *
 * @param rows Of { value, all, some }: how many there are in the version, and in the result (none without a query).
 * @param on Which values are asked for.
 */
export function barsOf({ name, rows, total, count, on, pick }) {
  const compared = rows.some((row) => row.some !== null);
  const some = (row) => (compared ? row.some : row.all);
  const most = Math.max(...rows.map((row) => Math.max(share(row.all, total), compared ? share(row.some, count) : 0)), 1e-9);
  const list = element("ul", { class: "categories", "aria-label": name });
  const item = (row) => {
    const [grey, colour] = [element("span", { class: "grey" }), element("span", { class: "colour" })];
    grey.style.width = compared ? `${(share(row.all, total) / most) * 100}%` : "0";
    colour.style.width = `${(share(some(row), compared ? count : total) / most) * 100}%`;
    const said = compared ? `${whole(row.some)} of ${whole(row.all)}` : whole(row.all);
    return element("li", {}, element("button", { type: "button", "aria-pressed": String(on(row.value)), title: `${plain(row.value)}: ${said}`, onclick: () => pick(row.value) }, element("span", { class: "track" }, grey, colour), shown(row.value), element("span", { class: "count" }, compared ? [whole(row.some), element("small", {}, ` / ${compact.format(row.all)}`)] : whole(row.all))));
  };
  const ordered = [...rows].sort((one, other) => on(other.value) - on(one.value) || some(other) - some(one));
  list.append(...ordered.slice(0, FEW).map(item));
  if (ordered.length <= FEW) return list;
  const filter = element("input", { name: "compared-4", type: "search", class: "filter", "aria-label": `Filter the values of ${name}`, placeholder: "Filter", hidden: true, oninput: () => list.replaceChildren(...ordered.filter((row) => row.value.toLowerCase().includes(filter.value.toLowerCase())).slice(0, 250).map(item)) });
  const more = element("button", { type: "button", class: "quiet", onclick: () => {
    list.replaceChildren(...ordered.slice(0, 250).map(item));
    filter.hidden = false;
    more.remove();
    filter.focus();
  } }, `All ${whole(ordered.length)}`);
  return element("div", {}, filter, list, more);
}
