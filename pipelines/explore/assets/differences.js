// How a field of the result differs from the same field of all records: by how much, and in words.

const DRAWS = 24;
const MANY = 500;
const NOTICED = 0.1;

const sum = (counts) => counts.reduce((total, each) => total + each, 0);
const shares = (counts) => counts.map((each) => each / (sum(counts) || 1));
const bits = (one, other) => (one ? one * Math.log2(one / other) : 0);

/** Jensen-Shannon divergence of two lists of shares: 0 where they are the same, 1 where they have nothing in common. */
export function divergence(p, q) {
  return sum(p.map((each, at) => (bits(each, (each + q[at]) / 2) + bits(q[at], (each + q[at]) / 2)) / 2));
}

/** Counts of a field, whichever form they have. */
const countsOf = (field) => field.histogram?.counts ?? field.frequencies.map((each) => each.count);

/** Bins put together, so that few records are compared on few of them, each with a similar share of all records. */
function coarse(counts, all, records) {
  const groups = Math.max(2, Math.floor(1 + Math.sqrt(records)));
  const total = sum(all);
  const made = [Array(groups).fill(0), Array(groups).fill(0)];
  let before = 0;
  all.forEach((each, at) => {
    const group = Math.min(groups - 1, Math.floor(((before + each / 2) / (total || 1)) * groups));
    made[0][group] += counts[at];
    made[1][group] += each;
    before += each;
  });
  return made;
}

/** The divergence that as many records would have that were drawn by chance; the same for the same counts. */
function byChance(all, records) {
  const q = shares(all);
  if (records > MANY) return Math.min(1, (q.filter(Boolean).length - 1) / (8 * records * Math.LN2));
  const bounds = d3.cumsum(q);
  const random = d3.randomLcg(0.5);
  let total = 0;
  for (let draw = 0; draw < DRAWS; draw += 1) {
    const drawn = Array(q.length).fill(0);
    for (let each = 0; each < records; each += 1) drawn[Math.min(q.length - 1, d3.bisectRight(bounds, random()))] += 1;
    total += divergence(shares(drawn), q);
  }
  return total / DRAWS;
}

/** How much more counts differ from those of all records than chance would make them: 0 to 1. */
export function gapOf(counts, all) {
  const records = sum(counts);
  if (!records || !sum(all)) return 0;
  return Math.max(0, divergence(shares(counts), shares(all)) - byChance(all, records));
}

/** The value at a share of all values, from a histogram. */
function quantile({ edges, counts }, part) {
  const wanted = part * sum(counts);
  let before = 0;
  for (const [at, count] of counts.entries()) {
    const [low, high] = [Number(edges[at]), Number(edges[at + 1])];
    if (count && before + count >= wanted) return low + ((wanted - before) / count) * (high - low);
    before += count;
  }
  return Number(edges.at(-1));
}

/** A number for a sentence, with as many digits as the range of a field needs. */
function rounded(value, { edges }) {
  const step = (Number(edges.at(-1)) - Number(edges[0])) / 200;
  const digits = step > 0 ? Math.max(0, Math.min(6, -Math.floor(Math.log10(step)))) : 6;
  return number(Number(value.toFixed(digits)));
}

const middle = (histogram) => `${rounded(quantile(histogram, 0.25), histogram)} to ${rounded(quantile(histogram, 0.75), histogram)}`;

/** The value whose share differs most, in words; `rows` are of { value, all, some }. */
export function inWords(rows, total, count) {
  const row = d3.greatest(rows, (each) => Math.abs(each.some / (count || 1) - each.all / (total || 1)));
  return row ? `${plain(row.value)}: ${percent(row.some, count)}, overall ${percent(row.all, total)}` : "";
}

/**
 * What sets a field of the result apart.
 *
 * @returns { gap, absent, said }: how much the values differ beyond chance, 0 to 1; whether the result has none at all;
 *   both in words.
 */
export function contrast(version, part, records, count) {
  if (!part.present) return { gap: 0, absent: true, said: "no values here" };
  const said = [];
  const [own, all] = [countsOf(part), countsOf(version)];
  let gap;
  if (version.histogram) {
    gap = gapOf(...coarse(own, all, sum(own)));
    said.push(part.present < 4 ? `about ${rounded(quantile(part.histogram, 0.5), part.histogram)} in the middle, overall about ${rounded(quantile(version.histogram, 0.5), version.histogram)}` : `half of them about ${middle(part.histogram)}, overall ${middle(version.histogram)}`);
  } else {
    gap = gapOf(own, all);
    said.push(inWords(version.frequencies.map((each, at) => ({ value: each.value, all: each.count, some: own[at] })), sum(all), sum(own)));
  }
  const [here, there] = [part.present / (count || 1), version.present / (records || 1)];
  const presence = presenceGap(version, part, records, count);
  if (Math.abs(here - there) > NOTICED) said.push(`${percent(part.present, count)} have one, overall ${percent(version.present, records)}`);
  if (presence > gap) said.reverse(); // what differs more is said first
  return { gap: Math.min(1, gap + presence), absent: false, said: said.filter(Boolean).join("; ") };
}

/** The same of dates; `bins` are those of `timelineBins`. */
export function contrastOfDates(version, part, bins, records, count) {
  if (!part.present) return { gap: 0, absent: true, said: "no dates here" };
  const [own, all] = [timelineCounts(part, bins), timelineCounts(version, bins)];
  const named = (counts, share) => bins.names[d3.bisectLeft(d3.cumsum(counts), share * sum(counts))].split(" to ")[0];
  const between = (counts) => [...new Set([named(counts, 0.25), named(counts, 0.75)])].join(" to ");
  const gap = gapOf(...coarse(own, all, sum(own)));
  return { gap: Math.min(1, gap + presenceGap(version, part, records, count)), absent: false, said: `half of them ${between(own)}, overall ${between(all)}` };
}

/** A quarter of how much having a value differs. */
function presenceGap(version, part, records, count) {
  const [here, there] = [part.present / (count || 1), version.present / (records || 1)];
  return divergence([here, 1 - here], [there, 1 - there]) / 4;
}
