// What a model found and what it missed: boxes of the same label that overlap by half or more (intersection over union).

const ENOUGH = 0.5;

function overlap(one, other) {
  const width = Math.min(one.x + one.width, other.x + other.width) - Math.max(one.x, other.x);
  const height = Math.min(one.y + one.height, other.y + other.height) - Math.max(one.y, other.y);
  const both = Math.max(0, width) * Math.max(0, height);
  return both / (one.width * one.height + other.width * other.height - both || 1);
}

/** For each model run: how many annotated boxes it found, which it missed, and how many boxes it has besides. */
export function matched(annotations, predictions) {
  const boxes = (rows) => rows.filter((row) => row.type === "box" && row.geometry);
  const wanted = boxes(annotations);
  return Object.entries(predictions).flatMap(([run, rows]) => {
    const given = boxes(rows).sort((one, other) => (other.confidence ?? 0) - (one.confidence ?? 0));
    if (!wanted.length && !given.length) return [];
    const left = new Set(wanted);
    let extra = 0;
    for (const prediction of given) {
      const best = d3.greatest([...left].filter((row) => row.label === prediction.label), (row) => overlap(row.geometry, prediction.geometry));
      if (best && overlap(best.geometry, prediction.geometry) >= ENOUGH) left.delete(best);
      else extra += 1;
    }
    return [{ run, found: wanted.length - left.size, missed: left, extra }];
  });
}
