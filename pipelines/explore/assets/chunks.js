// A list of any length, of which the part around the window is in the page, and the rest is blank space of its height.

const AROUND = 900;
const REST = 70;

/**
 * @param into Holds the chunks and two spacers.
 * @param total, size Number of rows, and of those in a chunk.
 * @param first The element of the first chunk.
 * @param make Gives a promise of the element of the chunk with a number.
 * @param blank Gives an empty chunk, whose height `stretch` sets.
 * @param leaving Called once, before a chunk is taken out for the first time.
 */
export function chunked({ into, total, size, first, make, blank, stretch, leaving }) {
  const count = Math.ceil(total / size);
  const heights = new Map();
  const there = new Map([[0, first]]);
  const waiting = new Map();
  const [above, below] = [blank(), blank()];
  let [frame, ended, left] = [0, false, false];
  into.append(above, first, below);

  const usual = () => (heights.size ? d3.mean(heights.values()) : 0);
  const heightOf = (at) => heights.get(at) ?? usual() * (at === count - 1 ? (total - at * size) / size : 1);
  const span = (from, to) => d3.sum(d3.range(from, to), heightOf);

  function measure() {
    for (const [at, element_] of there) if (!waiting.has(at) && element_.offsetHeight) heights.set(at, element_.offsetHeight);
  }

  /** The numbers of the first chunk around the window, and of the one behind the last. */
  function around() {
    const top = above.getBoundingClientRect().top;
    let [at, reached] = [0, top];
    while (at < count - 1 && reached + heightOf(at) < -AROUND) reached += heightOf(at++);
    const from = at;
    while (at < count && reached < innerHeight + AROUND) reached += heightOf(at++);
    return [from, Math.max(from + 1, at)];
  }

  function layout() {
    frame = 0;
    if (ended || !into.isConnected || !into.offsetHeight) return;
    measure();
    const [from, to] = around();
    for (const [at, element_] of there) {
      if (at >= from && at < to) continue;
      if (!left) leaving();
      left = true;
      clearTimeout(waiting.get(at));
      waiting.delete(at);
      there.delete(at);
      element_.remove();
    }
    let next = below;
    for (let at = to - 1; at >= from; at -= 1) {
      if (!there.has(at)) {
        const element_ = blank();
        stretch(element_, heightOf(at));
        there.set(at, element_);
        waiting.set(at, setTimeout(fill, REST, at)); // not those that are only passed
      }
      if (there.get(at).nextSibling !== next) next.before(there.get(at));
      next = there.get(at);
    }
    stretch(above, span(0, from));
    stretch(below, span(to, count));
  }

  async function fill(at) {
    const empty = there.get(at);
    const made = await make(at);
    if (ended || there.get(at) !== empty || !made) return;
    waiting.delete(at);
    there.set(at, made);
    empty.replaceWith(made);
    soon();
  }

  const soon = () => (frame ||= requestAnimationFrame(layout));
  const observer = new ResizeObserver(soon);
  observer.observe(into);
  addEventListener("scroll", soon, { passive: true });
  soon();

  return {
    end() {
      ended = true;
      observer.disconnect();
      removeEventListener("scroll", soon);
      for (const each of waiting.values()) clearTimeout(each);
    },
  };
}
