// What a model found and what it missed: of boxes, polygons, lines and key points what has the same label and overlaps
// by half or more (intersection over union, of the boxes around them); of categories the same label in a taxonomy.

const ENOUGH = 0.5;
const PLACED = new Set(["box", "polygon", "line", "keypoints"]);
const NAMED = new Set(["category", "multicategory"]);

const isPoint = (each) => Number.isFinite(each?.x) && Number.isFinite(each?.y);

/** The box around a shape; null for what has no place. */
function boxOf({ type, geometry }) {
  if (type === "box") return isPoint(geometry) && geometry.width >= 0 && geometry.height >= 0 ? geometry : null;
  const points = ((type === "keypoints" ? geometry?.keypoints : geometry?.vertices) ?? []).filter(isPoint);
  if (!points.length) return null;
  const [[left, right], [top, bottom]] = [d3.extent(points, (each) => each.x), d3.extent(points, (each) => each.y)];
  return { x: left, y: top, width: right - left, height: bottom - top };
}

function overlap(one, other) {
  const width = Math.min(one.x + one.width, other.x + other.width) - Math.max(one.x, other.x);
  const height = Math.min(one.y + one.height, other.y + other.height) - Math.max(one.y, other.y);
  if (width < 0 || height < 0) return 0;
  // A straight line has no area: its box is taken as one pixel thick.
  const area = ({ width: wide, height: high }) => Math.max(wide, 1) * Math.max(high, 1);
  const both = area({ width, height });
  return both / (area(one) + area(other) - both);
}

const labelsOf = ({ label, labels }) => JSON.stringify(label ?? [...(labels ?? [])].sort());

/** How well a prediction meets an annotation of the same type and label: 0 to 1. */
function agreement(wanted, given) {
  if (wanted.type !== given.type || labelsOf(wanted) !== labelsOf(given)) return 0;
  if (NAMED.has(wanted.type)) return (wanted.taxonomy_name ?? "") === (given.taxonomy_name ?? "") ? 1 : 0;
  return overlap(boxOf(wanted), boxOf(given));
}

const isCompared = (row) => NAMED.has(row.type) || (PLACED.has(row.type) && boxOf(row) !== null);

/**
 * For each model run what it found of the annotations, and what it missed.
 *
 * @returns { run, found, missed, extra } of each: rows that it found and missed, how many predictions meet none;
 *   masks, cuboids and what has no place are not compared.
 */
export function matched(annotations, predictions) {
  const wanted = annotations.filter(isCompared);
  return Object.entries(predictions).flatMap(([run, rows]) => {
    const given = rows.filter(isCompared).sort((one, other) => (other.confidence ?? 0) - (one.confidence ?? 0));
    if (!wanted.length && !given.length) return [];
    const left = new Set(wanted);
    let extra = 0;
    for (const prediction of given) {
      const best = d3.greatest(left, (row) => agreement(row, prediction));
      if (best && agreement(best, prediction) >= ENOUGH) left.delete(best);
      else extra += 1;
    }
    return [{ run, found: wanted.filter((row) => !left.has(row)), missed: left, extra }];
  });
}

/** Types that are there and are not compared. */
export const notCompared = (annotations, predictions) => [...new Set([...annotations, ...Object.values(predictions).flat()].filter((row) => !isCompared(row)).map((row) => row.type))].sort();
