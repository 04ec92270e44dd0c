// Timelines: the days, months or years of a field of dates as bins that follow each other, those without a date too.

const MOST_BINS = 100;
const PAD = (value, digits) => String(value).padStart(digits, "0");
const DAYS_OF = { day: 10, month: 7, year: 4 };

/** The first day of a bin that is `steps` units after another one, as a text that sorts by time. */
function dayAfter(day, unit, steps) {
  const [year, month, date] = day.split("-").map(Number);
  const at = new Date(0);
  at.setUTCFullYear(year + (unit === "year" ? steps : 0), month - 1 + (unit === "month" ? steps : 0), date + (unit === "day" ? steps : 0));
  // Behind the year 9999 there is none of four digits: what sorts behind all of its days.
  return at.getUTCFullYear() > 9999 ? "9999-99" : `${PAD(at.getUTCFullYear(), 4)}-${PAD(at.getUTCMonth() + 1, 2)}-${PAD(at.getUTCDate(), 2)}`;
}

/**
 * The bins of a timeline: `from`, the first day of each and of what comes behind the last; `names`; `indices`, the bin of
 * each of its counts. Years are put together where there are too many to be seen.
 */
function timelineBins({ unit, counts }) {
  const places = counts.map((each) => each.value);
  const first = `${places[0]}-01-01`.slice(0, 10);
  const number = (place) => {
    const [year, month = 1, date = 1] = place.split("-").map(Number);
    if (unit === "year") return year;
    return unit === "month" ? year * 12 + month : new Date(0).setUTCFullYear(year, month - 1, date) / 864e5;
  };
  const span = number(places.at(-1)) - number(places[0]) + 1;
  const width = unit === "year" ? Math.ceil(span / MOST_BINS) : 1;
  const size = Math.ceil(span / width);
  const from = Array.from({ length: size + 1 }, (_, at) => dayAfter(first, unit, at * width));
  const short = (day) => day.slice(0, DAYS_OF[unit]);
  const names = from.slice(0, -1).map((day) => (width === 1 ? short(day) : `${short(day)} to ${short(dayAfter(day, unit, width - 1))}`));
  return { from, names, indices: places.map((place) => Math.floor((number(place) - number(places[0])) / width)) };
}

/** Counts of a timeline, bin by bin. */
function timelineCounts({ counts }, { names, indices }) {
  const found = Array(names.length).fill(0);
  counts.forEach((each, at) => (found[indices[at]] += each.count));
  return found;
}
