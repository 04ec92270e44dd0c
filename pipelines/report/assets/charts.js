// Charts of one field. Each says in words, or in a table beside it, what it shows.

const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });
const tick = (value) => (Math.abs(value) >= 1e4 && Math.abs(value) < 1e15 ? compact.format(value) : number(value));

const binsOf = ({ edges, counts }) => counts.map((count, at) => ({ low: edges[at], high: edges[at + 1], count }));
const span = ({ low, high }) => (low === high ? number(low) : `${number(low)} to ${number(high)}`);

/** The width of a drawing: as wide as is good, as narrow as the window. Letters keep their size. */
const roomFor = (best) => Math.max(260, Math.min(best, document.documentElement.clientWidth - 64));

/** A drawing that is said in one sentence: the names of its marks, which are for programmers, are not read out. */
function asImage(chart, said) {
  for (const mark of chart.querySelectorAll("[aria-label], [aria-description]")) {
    mark.dataset.mark = mark.getAttribute("aria-label") ?? "";
    mark.removeAttribute("aria-label");
    mark.removeAttribute("aria-description");
  }
  chart.setAttribute("role", "img");
  chart.setAttribute("aria-label", said);
}

/** The histogram of a field of numbers, its quantiles above, and the bins as a table. */
function histogram(field) {
  const bins = binsOf(field.histogram);
  const most = bins.reduce((best, bin) => (bin.count > best.count ? bin : best));
  // The span of the largest numbers is beyond all numbers: they are drawn at a quarter of their size.
  const scale = Number.isFinite(2 * (Math.abs(bins[0].low) + Math.abs(bins.at(-1).high))) ? 1 : 0.25;
  const place = (value) => Number(value) * scale;
  const quantile = (name) => place(field.histogram.quantiles[name]);
  const said = `Histogram of ${plain(field.name)}: ${plural(bins.length, "bin")} from ${number(bins[0].low)} to ${number(bins.at(-1).high)}; most values, ${whole(most.count)}, are ${span(most)}.`;
  // A field of one value has one bin of no width, which would not be seen.
  const sole = bins.length === 1 && Number(bins[0].low) === Number(bins[0].high);
  const room = sole ? Math.max(Math.abs(place(bins[0].low)) * 1e-3, 0.5) : 0;
  // Above the bars, where they lie: the middle half of the values, nine tenths of them, and the median.
  // Quantiles are within 0.4 % of a value, so those of values close together can all be one, which tells nothing.
  const boxed = !sole && quantile("0.05") < quantile("0.95");
  const above = most.count * 1.14;
  const range = (from, to, look) => Plot.ruleY([above], { x1: quantile(from), x2: quantile(to), y: above, ...look });
  const drawn = bins.map(({ low, high, count }) => ({ low: place(low) - room, high: place(high) + room, count, named: span({ low, high }) }));
  const chart = Plot.plot({
    className: "chart",
    width: roomFor(700),
    height: 220,
    marginLeft: 56,
    marginRight: 24,
    marginTop: 10,
    style: { fontSize: "11.5px", overflow: "visible" },
    x: { label: null, tickFormat: (value) => tick(value / scale), ticks: 7, domain: sole ? [drawn[0].low - 4 * room, drawn[0].high + 4 * room] : undefined },
    y: { label: null, tickFormat: tick, ticks: 4, grid: true },
    marks: [
      Plot.rectY(drawn, { x1: "low", x2: "high", y: "count", insetLeft: 0.75, insetRight: 0.75, fill: "var(--accent)" }),
      Plot.ruleY([0], { stroke: "var(--line-strong)" }),
      boxed ? range("0.05", "0.95", { stroke: "var(--line-strong)", strokeWidth: 1.5 }) : null,
      boxed ? range("0.25", "0.75", { stroke: "var(--line-strong)", strokeWidth: 7 }) : null,
      boxed ? Plot.ruleX([above], { x: quantile("0.5"), y1: above * 0.955, y2: above * 1.045, stroke: "var(--ink)", strokeWidth: 2.5 }) : null,
      Plot.tip(drawn, Plot.pointerX({ x1: "low", x2: "high", y: "count", title: (bin) => `${bin.named}\n${plural(bin.count, "record")}`, fill: "var(--surface)", stroke: "var(--line-strong)" })),
    ],
  });
  asImage(chart, said);
  return element(
    "figure",
    { class: "figure" },
    chart,
    element("figcaption", {}, boxed ? "Records by value. The line above spans 5\u00a0% to 95\u00a0% of the values, its thick part the middle half; the mark is the median." : "Records by value."),
    opening("The bins as a table", () =>
      table(
        `Bins of ${plain(field.name)}`,
        [["From", "number"], ["To", "number"], ["Records", "number"]],
        bins.map(({ low, high, count }) => [quantity(low), quantity(high), quantity(count)]),
        { class: "plain" },
      ),
    ),
  );
}

/** The timeline of a field of dates, and its bins as a table. */
function timeline(field) {
  const bins = timelineBins(field.timeline);
  const counts = timelineCounts(field.timeline, bins);
  const drawn = bins.names.map((name, at) => ({ name, at, count: counts[at] }));
  const most = d3.greatest(drawn, (bin) => bin.count);
  const every = Math.max(1, Math.ceil(drawn.length / (roomFor(700) / 90)));
  const chart = Plot.plot({
    className: "chart",
    width: roomFor(700),
    height: 200,
    marginLeft: 56,
    marginRight: 24,
    marginTop: 10,
    style: { fontSize: "11.5px", overflow: "visible" },
    x: { label: null, domain: [0, drawn.length], ticks: drawn.filter(({ at }) => at % every === 0).map(({ at }) => at), tickFormat: (at) => bins.names[at].slice(0, 10) },
    y: { label: null, tickFormat: tick, ticks: 4, grid: true },
    marks: [
      Plot.rectY(drawn, { x1: "at", x2: (bin) => bin.at + 1, y: "count", insetLeft: drawn.length > 150 ? 0 : 0.5, insetRight: drawn.length > 150 ? 0 : 0.5, fill: "var(--accent)" }),
      Plot.ruleY([0], { stroke: "var(--line-strong)" }),
      Plot.tip(drawn, Plot.pointerX({ x1: "at", x2: (bin) => bin.at + 1, y: "count", title: (bin) => `${bin.name}\n${plural(bin.count, "record")}`, fill: "var(--surface)", stroke: "var(--line-strong)" })),
    ],
  });
  asImage(chart, `Timeline of ${plain(field.name)}: from ${bins.names[0]} to ${bins.names.at(-1)}; most records, ${whole(most.count)}, are of ${most.name}.`);
  const others = field.present - d3.sum(counts);
  const said = `Records by ${field.timeline.unit}${others ? `; ${plural(others, "value")} that ${others === 1 ? "is no date is" : "are no dates are"} left out` : ""}.`;
  const rows = drawn.filter((bin) => bin.count).map((bin) => [bin.name, quantity(bin.count)]);
  return element("figure", { class: "figure" }, chart, element("figcaption", {}, said), opening("The timeline as a table", () => table(`Timeline of ${plain(field.name)}`, [["When", ""], ["Records", "number"]], rows, { class: "plain" })));
}

const FIRST = 10;
const MORE = 250;

/**
 * Bars, as a table: the first ten rows, all others on demand, and a filter where there are more.
 *
 * @param rows Of { value: a text, or an element if `link` is none, count }.
 */
function bars({ caption, of, rows, total, filter = null, head = "Value" }) {
  const scale = d3.scaleLinear([0, d3.max(rows, (row) => row.count) || 1], [0, 100]);
  const body = element("tbody");
  let limit = FIRST;
  let wanted = "";
  const status = element("span", { class: "status", role: "status" });
  const more = element("button", { type: "button", class: "quiet", onclick: () => show(limit === FIRST ? MORE : limit + MORE) });
  const fewer = element("button", { type: "button", class: "quiet", onclick: () => show(FIRST) }, "Show fewer");
  const row = ({ value, count }) => {
    const bar = element("span", { class: "bar" });
    bar.style.width = `${scale(count)}%`;
    bar.hidden = !count; // a bar has a width that can be seen, nothing has none
    return element(
      "tr",
      {},
      element("th", { scope: "row" }, value instanceof Node ? value : shown(value)),
      element("td", { class: "track", "aria-hidden": "true" }, bar),
      element("td", { class: "number" }, quantity(count)),
      total ? element("td", { class: "number share" }, percent(count, total)) : null,
    );
  };
  function show(most) {
    limit = most;
    const found = wanted ? rows.filter(({ value }) => beginning(value).toLowerCase().includes(wanted)) : rows;
    body.replaceChildren(...found.slice(0, limit).map(row));
    const left = found.length - Math.min(limit, found.length);
    more.hidden = left === 0;
    more.textContent = limit === FIRST && left <= MORE ? `Show all ${whole(found.length)}` : `Show ${whole(Math.min(MORE, left))} more`;
    fewer.hidden = limit === FIRST || found.length <= FIRST;
    if (rows.length > FIRST) status.textContent = `${whole(Math.min(limit, found.length))} of ${whole(found.length)} shown`;
  }
  const search =
    filter && rows.length > FIRST
      ? element("input", {
          type: "search",
          name: "filter",
          class: "filter",
          "aria-label": filter,
          placeholder: "Filter",
          oninput: (event) => {
            wanted = event.target.value.toLowerCase();
            show(wanted ? MORE : FIRST);
          },
        })
      : null;
  const columns = [element("th", { scope: "col" }, head), element("th", { "aria-hidden": "true" }), element("th", { scope: "col", class: "number" }, of)];
  if (total) columns.push(element("th", { scope: "col", class: "number" }, "Share"));
  const made = element(
    "div",
    { class: "bars" },
    search,
    element("table", {}, element("caption", { class: "unseen-caption" }, caption), element("thead", {}, element("tr", {}, columns)), body),
    rows.length > FIRST ? element("div", { class: "below" }, more, fewer, status) : null,
  );
  show(FIRST);
  return made;
}

/** A chart of a field the size of a word; what it shows stands beside it in words. */
function sparkline(field) {
  const dates = field.timeline ? timelineCounts(field.timeline, timelineBins(field.timeline)) : null;
  const counts = field.histogram?.counts ?? dates ?? field.categories?.counts.slice(0, 20);
  if (!counts?.length) return null;
  const [width, height] = [88, 22];
  const x = d3.scaleBand(d3.range(counts.length), [0, Math.min(width, counts.length * 14)]).paddingInner(counts.length > 40 ? 0 : 0.18);
  const y = d3.scaleLinear([0, d3.max(counts) || 1], [0, height]);
  const column = (count, at) => (count ? `M${x(at).toFixed(1)},${height}v${-Math.max(1, y(count)).toFixed(1)}h${Math.min(x.bandwidth(), 12).toFixed(1)}V${height}z` : "");
  const svg = d3.create("svg").attr("viewBox", `0 0 ${width} ${height}`).attr("class", "sparkline").attr("aria-hidden", "true");
  svg.append("path").attr("d", counts.map(column).join(""));
  return svg.node();
}
