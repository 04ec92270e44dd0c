// The map of a group's locations: the cells of the grid over the coastline that the page brings along.

const LEVELS = 5;
const degrees = (value, positive, negative) => `${Number(Math.abs(value).toFixed(5))}° ${value < 0 ? negative : positive}`; // 1 m
const latitude = (value) => degrees(value, "N", "S");
const longitude = (value) => degrees(value, "E", "W");

/** The locations of a group as a map, with its legend, and the densest cells as a table. */
function locationMap(group, land) {
  const { bounds, rows, columns, cells, count } = group.locations;
  const size = { x: (bounds.east - bounds.west) / columns, y: (bounds.north - bounds.south) / rows };
  const most = d3.max(cells, (cell) => cell[2]);
  // Five steps, each as many times denser than the one before.
  const step = most ** (1 / LEVELS);
  const starts = d3.range(LEVELS).map((level) => Math.max(level + 1, Math.ceil(step ** level - 1e-9)));
  const level = (records) => d3.bisectRight(starts, records) - 1;
  const lightest = LEVELS - starts.filter((start) => start <= most).length; // few steps are strong ones
  const placed = cells.map(([row, column, records]) => {
    const [west, south] = [bounds.west + column * size.x, bounds.south + row * size.y];
    return { west, south, east: west + size.x, north: south + size.y, records, level: level(records) };
  });
  const view = viewOf(bounds);
  const ground = view.flat ? flattened(land, view.place) : land;
  const chart = Plot.plot({
    className: "chart",
    width: view.width,
    height: view.height,
    margin: 1,
    projection: view.projection,
    marks: [
      view.world ? Plot.sphere({ fill: "var(--water)" }) : Plot.frame({ fill: "var(--water)", stroke: null }),
      Plot.geo(ground, { fill: "var(--land)", clip: view.world ? "sphere" : "frame" }),
      view.flat ? null : Plot.graticule({ stroke: "var(--coast)", strokeOpacity: 0.25, strokeWidth: 0.5, clip: view.world ? "sphere" : "frame" }),
      ...d3.range(LEVELS).map((at) => cellsOf(placed.filter((cell) => cell.level === at), at + lightest, { size, place: view.place, sparse: cells.length < 400 })),
      Plot.geo(ground, { stroke: "var(--ink)", strokeOpacity: 0.4, strokeWidth: 0.6, clip: view.world ? "sphere" : "frame" }),
      view.world ? Plot.sphere({ stroke: "var(--coast)" }) : Plot.frame({ stroke: "var(--coast)" }),
    ],
  });
  const where = `between ${latitude(bounds.south)} and ${latitude(bounds.north)}, ${longitude(bounds.west)} and ${longitude(bounds.east)}`;
  asImage(chart, `Map of ${plural(count, "location")} of ${group.name}, ${where}.`);
  return element(
    "figure",
    { class: "figure map" },
    element("div", { class: "maps" }, chart, view.world ? null : overview(bounds, land)),
    element("figcaption", {}, `${plural(count, "location")} ${where}.`),
    legend(starts, most, lightest),
    opening("The densest cells as a table", () => densest(group, placed)),
  );
}

/**
 * How much of the world is drawn, and how: all of it, or the box with some room around it. A town is drawn flat, since
 * on a sphere D3 takes places within some metres for one.
 */
function viewOf(bounds) {
  const [high, wide] = [bounds.north - bounds.south, bounds.east - bounds.west];
  const width = roomFor(1090);
  if (wide > 150 || high > 90) return { world: true, width: Math.min(width, 860), height: Math.min(width, 860) * 0.49, projection: { type: "equal-earth" }, place: (point) => point };
  const room = Math.max(high, wide, 0.02) * 0.12;
  const middle = [(bounds.west + bounds.east) / 2, (bounds.south + bounds.north) / 2];
  const edge = (low, up, limit) => [Math.max(-limit, low - room), Math.min(limit, up + room)];
  const [[south, north], [west, east]] = [edge(bounds.south, bounds.north, 90), edge(bounds.west, bounds.east, 180)];
  const flat = Math.max(high, wide) < 2;
  const shrink = Math.cos((middle[1] * Math.PI) / 180);
  const place = flat ? ([x, y]) => [(x - middle[0]) * shrink, y - middle[1]] : (point) => point;
  const domain = { type: "MultiPoint", coordinates: [[west, south], [west, north], [east, south], [east, north], [middle[0], south], [middle[0], north]].map(place) };
  return { world: false, width, height: Math.min(440, width * 0.7), projection: flat ? { type: "reflect-y", domain } : { type: "azimuthal-equal-area", rotate: [-middle[0], -middle[1]], domain }, flat, place };
}

/** The land with its points put elsewhere. */
function flattened(land, place) {
  const deep = (coordinates) => (typeof coordinates[0] === "number" ? place(coordinates) : coordinates.map(deep));
  const geometries = land.features.map(({ geometry }) => ({ ...geometry, coordinates: deep(geometry.coordinates) }));
  return { type: "GeometryCollection", geometries };
}

/** The cells of one level. Where all locations are in a line or a point, cells have no area: dots, then. */
function cellsOf(cells, at, { size, place, sparse }) {
  const title = (cell) => `${plural(cell.records, "record")}\n${latitude(cell.south)} to ${latitude(cell.north)}\n${longitude(cell.west)} to ${longitude(cell.east)}`;
  const fill = `var(--level-${at + 1})`;
  const strokeWidth = sparse ? 3 : 0.8; // few cells among much land would hardly be seen
  if (!size.x || !size.y) {
    const middle = (cell) => place([(cell.west + cell.east) / 2, (cell.south + cell.north) / 2]);
    return Plot.dot(cells, { x: (cell) => middle(cell)[0], y: (cell) => middle(cell)[1], r: 5, fill, title });
  }
  const polygon = ({ west, south, east, north }) => ({ type: "Polygon", coordinates: [[[west, south], [west, north], [east, north], [east, south], [west, south]].map(place)] });
  return Plot.geo(cells, { geometry: polygon, fill, stroke: fill, strokeWidth, title });
}

/** Where in the world a small map is. */
function overview(bounds, land) {
  const { west, south, east, north } = bounds;
  const small = { x: (west + east) / 2, y: (south + north) / 2 };
  const chart = Plot.plot({
    className: "chart",
    width: 190,
    height: 96,
    margin: 1,
    projection: { type: "equal-earth" },
    marks: [
      Plot.sphere({ fill: "var(--water)", stroke: "var(--coast)" }),
      Plot.geo(land, { fill: "var(--land)" }),
      Plot.dot([small], { x: "x", y: "y", r: 5, fill: "none", stroke: "var(--accent)", strokeWidth: 2 }),
      Plot.dot([small], { x: "x", y: "y", r: 1.5, fill: "var(--accent)" }),
    ],
  });
  chart.setAttribute("aria-hidden", "true");
  return element("div", { class: "overview" }, chart);
}

function legend(starts, most, lightest) {
  const used = starts.map((start, at) => ({ at, start, end: at + 1 < LEVELS ? starts[at + 1] - 1 : most })).filter(({ start, end }) => start <= end && start <= most);
  const named = ({ start, end }) => (start === Math.min(end, most) ? whole(start) : `${whole(start)}–${whole(Math.min(end, most))}`);
  return element(
    "div",
    { class: "legend" },
    element("span", {}, "Records in a cell"),
    element("ul", {}, used.map((each) => element("li", {}, element("span", { class: `swatch level-${each.at + lightest + 1}` }), named(each)))),
  );
}

function densest(group, placed) {
  const first = d3.sort(placed, (cell) => -cell.records).slice(0, 20);
  return table(
    `Densest cells of ${group.name}`,
    [["Latitude", ""], ["Longitude", ""], ["Records", "number"]],
    first.map((cell) => [`${latitude(cell.south)} to ${latitude(cell.north)}`, `${longitude(cell.west)} to ${longitude(cell.east)}`, quantity(cell.records)]),
    { class: "plain" },
  );
}
