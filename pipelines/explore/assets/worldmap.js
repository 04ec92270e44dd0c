// Maps: where the records of the version are in grey, those of the result in colour, with a box to ask for; one place.

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, MAX_HEIGHT] = [320, 240];
let land = null;

async function coastline() {
  if (!land) {
    const topology = await (await fetch("/assets/land-110m.json", { credentials: "same-origin" })).json();
    land = topojson.feature(topology, topology.objects.land);
  }
  return land;
}

function svg(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Scales from degrees to the drawing, as wide as WIDTH, and its height. */
function projection([south, west, north, east], most = MAX_HEIGHT) {
  const shrink = Math.max(0.2, Math.cos((((south + north) / 2) * Math.PI) / 180));
  const height = Math.max(90, Math.min(most, (WIDTH * (north - south)) / ((east - west) * shrink)));
  return { x: d3.scaleLinear([west, east], [0, WIDTH]), y: d3.scaleLinear([north, south], [0, height]), height };
}

/** Degrees east and south; cuts what crosses the antimeridian, which would be drawn across the whole map. */
const DEGREES = d3.geoEquirectangular().scale(180 / Math.PI).translate([0, 0]).precision(0);

function groundOf({ x, y }) {
  const ground = svg("path", { class: "land" });
  coastline().then((shape) => ground.setAttribute("d", d3.geoPath({ stream: (to) => DEGREES.stream(d3.geoTransform({ point(east, south) { this.stream.point(x(east), y(-south)); } }).stream(to)) })(shape) ?? ""), () => {});
  return ground;
}

const AROUND = 12;

/** Where one record is: a point among the coastlines around it. */
export function placeOf({ latitude: lat, longitude: lon }) {
  const across = AROUND * 2;
  const scales = projection([lat - AROUND, lon - across, lat + AROUND, lon + across], 160);
  const chart = svg("svg", { class: "map still", viewBox: `0 0 ${WIDTH} ${scales.height}`, role: "img", "aria-label": `Map: ${latitude(lat)}, ${longitude(lon)}` });
  chart.append(groundOf(scales), svg("circle", { class: "halo", cx: scales.x(lon), cy: scales.y(lat), r: 9 }), svg("circle", { class: "colour", cx: scales.x(lon), cy: scales.y(lat), r: 4 }));
  return element("figure", { class: "place-map" }, chart, element("figcaption", { class: "note" }, `${latitude(lat)}, ${longitude(lon)}`));
}

const SIDES = [["South", -90, 90], ["West", -180, 180], ["North", -90, 90], ["East", -180, 180]];

/** A box by its numbers, for who draws none. */
function boxForm(bounds, pick) {
  const given = [Math.floor(bounds.south), Math.floor(bounds.west), Math.ceil(bounds.north), Math.ceil(bounds.east)];
  const inputs = SIDES.map(([, low, high], at) => element("input", { name: `worldmap-${at}`, type: "number", min: String(low), max: String(high), step: "any", required: true, value: String(Math.max(low, Math.min(high, given[at]))) }));
  return element("details", { class: "box-form" }, element("summary", {}, "Box by numbers"), element("form", { onsubmit: (event) => (event.preventDefault(), pick(inputs.map((each) => Number(each.value)))) }, SIDES.map(([name], at) => element("label", {}, name, inputs[at])), element("button", { type: "submit" }, "Ask for it")));
}

/** @param pick Takes [south, west, north, east], or null. */
export function mapOf({ version, part, active, pick }) {
  const { bounds, rows, columns } = version;
  const [high, wide] = [bounds.north - bounds.south, bounds.east - bounds.west];
  const room = Math.max(high, wide, 0.02) * 0.08;
  const [south, north] = [Math.max(-90, bounds.south - room), Math.min(90, bounds.north + room)];
  const [west, east] = [Math.max(-180, bounds.west - room), Math.min(180, bounds.east + room)];
  const scales = projection([south, west, north, east]);
  const { x, y, height } = scales;
  const chart = svg("svg", { class: "map", viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": `Map of ${whole(part?.count ?? version.count)} locations; draw a box to ask for what is in it, or give one by its numbers` });
  const cells = (of, kind) => {
    const most = d3.max(of, (cell) => cell[2]) || 1;
    return of.map(([row, column, count]) => {
      const [left, top] = [x(bounds.west + (column * wide) / columns), y(bounds.south + ((row + 1) * high) / rows)];
      const cell = svg("rect", { class: kind, x: left - 0.4, y: top - 0.4, width: Math.max(2.4, x(bounds.west + wide / columns) - x(bounds.west) + 0.8), height: Math.max(2.4, y(bounds.south) - y(bounds.south + high / rows) + 0.8) });
      cell.style.opacity = 0.35 + 0.65 * Math.sqrt(count / most);
      return cell;
    });
  };
  const box = svg("rect", { class: "box", width: 0, height: 0 });
  chart.append(groundOf(scales), ...(part ? cells(version.cells, "grey") : []), ...cells((part ?? version).cells, "colour"), box);
  const place = (event) => {
    const around = chart.getBoundingClientRect();
    return [((event.clientX - around.left) / around.width) * WIDTH, ((event.clientY - around.top) / around.height) * height];
  };
  let from = null;
  const draw = (to) => {
    for (const [name, value] of Object.entries({ x: Math.min(from[0], to[0]), y: Math.min(from[1], to[1]), width: Math.abs(from[0] - to[0]), height: Math.abs(from[1] - to[1]) })) box.setAttribute(name, value);
  };
  chart.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    from = place(event);
    chart.setPointerCapture(event.pointerId);
  });
  chart.addEventListener("pointermove", (event) => from && draw(place(event)));
  chart.addEventListener("pointerup", (event) => {
    if (!from) return;
    const to = place(event);
    const size = Math.max(Math.abs(from[0] - to[0]), Math.abs(from[1] - to[1]));
    const round = (value) => Number(value.toFixed(4));
    const [one, other] = [from, to];
    from = null;
    if (size < 4) return;
    pick([y.invert(Math.max(one[1], other[1])), x.invert(Math.min(one[0], other[0])), y.invert(Math.min(one[1], other[1])), x.invert(Math.max(one[0], other[0]))].map((value, at) => round(Math.max(at % 2 ? -180 : -90, Math.min(at % 2 ? 180 : 90, value)))));
  });
  return element("div", {}, chart, element("p", { class: "readout" }, `${plural((part ?? version).count, "location")}, ${latitude(bounds.south)} to ${latitude(bounds.north)}, ${longitude(bounds.west)} to ${longitude(bounds.east)}`), active ? element("button", { type: "button", class: "quiet", onclick: () => pick(null) }, "Take the box away") : null, boxForm(bounds, pick));
}
