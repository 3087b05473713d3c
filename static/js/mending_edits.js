// What a person mended in one dataset: every pair's edits, with undo and redo. Knows no page.
// The form of edits is that of capture/edits.py; what the network saw is never changed.

const SEEN = 0.3; // Key points that score less are not used.
const MOST_SECONDS = 3; // Farther apart, a straight line between two poses says nothing.
const MOST_UNDONE = 500;
const MERGE_MS = 1000;

/** A pair's key points with its edits put in, `[x, y, score] * 17`; null where nobody is. */
export function mended({ keypoints, edits }) {
  if (edits.erased) return null;
  const moved = Object.entries(edits.keypoints ?? {});
  if (!moved.length) return keypoints;
  const points = keypoints?.map((point) => [...point]) ?? Array.from({ length: 17 }, () => [0, 0, 0]);
  for (const [number, place] of moved) {
    if (place) points[number] = [...place, 1];
    else points[number][2] = 0;
  }
  return points.some(([, , score]) => score > 0) ? points : null;
}

/** Whether a key point is used. */
export const seen = (point) => point[2] >= SEEN;

export class Edits {
  #undo = [];
  #redo = [];
  #merging = { name: "", at: 0 };

  /** `changed(places)` is told of every change; `otherSide`: key point -> the one across. */
  constructor({ changed, otherSide }) {
    Object.assign(this, { changed, otherSide });
    /** As the server gives them, in order of time. */
    this.pairs = [];
  }

  /** Take over a dataset's pairs; what was done before can no longer be undone. */
  setPairs(pairs) {
    this.pairs = pairs;
    this.#undo = [];
    this.#redo = [];
  }

  get canUndo() {
    return this.#undo.length > 0;
  }

  get canRedo() {
    return this.#redo.length > 0;
  }

  /** The places whose edits went back to what they were. */
  undo() {
    return this.#step(this.#undo, this.#redo);
  }

  redo() {
    return this.#step(this.#redo, this.#undo);
  }

  /** Put a key point somewhere; null: it is not seen. `merge`: goes on with the last such step. */
  move(place, number, where, merge = false) {
    const name = merge ? `${place} ${number}` : "";
    this.#changeKeypoints(place, { [number]: where && where.map(rounded) }, name);
  }

  /** A key point is again where the network saw it. */
  resetPoint(place, number) {
    const { [number]: gone, ...keypoints } = this.pairs[place].edits.keypoints ?? {};
    if (gone !== undefined) this.#apply(new Map([[place, { ...this.#marks(place), keypoints }]]));
  }

  /** Everything of a frame is as the network saw it. */
  reset(place) {
    this.#apply(new Map([[place, {}]]));
  }

  /** Left and right change places. */
  swap(place) {
    const points = mended(this.pairs[place]);
    if (points) this.#changeKeypoints(place, placed(points, this.otherSide));
  }

  /** The nearest pose before, for a frame whose own is lost. */
  copyBefore(place) {
    const points = this.poseBefore(place);
    if (points) this.#changeKeypoints(place, placed(points));
  }

  poseBefore(place) {
    const before = this.pairs.slice(0, place).findLast((pair) => !pair.edits.left_out && mended(pair));
    return before ? mended(before) : null;
  }

  /** Set or take away `right`, `erased` or `left_out`; what is right is there, and used. */
  mark(place, name) {
    const edits = { ...this.pairs[place].edits };
    const on = !edits[name];
    for (const other of name === "right" ? ["erased", "left_out"] : ["right"]) delete edits[other];
    if (on) edits[name] = true;
    else delete edits[name];
    this.#apply(new Map([[place, edits]]));
  }

  /** Whether a person mended this pose frame by frame. */
  corrected(place) {
    const { keypoints, interpolated, erased, left_out: leftOut } = this.pairs[place].edits;
    return Boolean(keypoints) && !interpolated && !erased && !leftOut;
  }

  /** The next mended frame in a direction, 1 or -1, with frames between that can be filled in. */
  fillable(place, direction) {
    if (!this.pairs[place] || !this.corrected(place)) return null;
    const near = (other) =>
      this.pairs[other] &&
      Math.abs(this.pairs[other].time_s - this.pairs[place].time_s) <= MOST_SECONDS;
    let other = place + direction;
    while (near(other) && !this.corrected(other)) other += direction;
    return near(other) && Math.abs(other - place) > 1 ? other : null;
  }

  /** What was moved in one of two mended frames goes straight from one to the other. */
  fill(place, other) {
    const [first, last] = place < other ? [place, other] : [other, place];
    const from = this.pairs[first];
    const to = this.pairs[last];
    const [a, b] = [mended(from), mended(to)];
    const numbers = Object.keys({ ...from.edits.keypoints, ...to.edits.keypoints });
    const changes = new Map();
    for (let between = first + 1; between < last; between += 1) {
      const { time_s: time, edits } = this.pairs[between];
      if (edits.erased || edits.left_out) continue;
      const share = (time - from.time_s) / (to.time_s - from.time_s);
      const keypoints = {};
      for (const number of numbers) {
        const both = seen(a[number]) && seen(b[number]);
        keypoints[number] = both
          ? [0, 1].map((axis) => rounded(a[number][axis] * (1 - share) + b[number][axis] * share))
          : null;
      }
      changes.set(between, { keypoints, interpolated: true });
    }
    this.#apply(changes);
    return changes.size;
  }

  #marks(place) {
    const edits = { ...this.pairs[place].edits };
    delete edits.interpolated; // Once touched, it is a person's.
    delete edits.erased;
    delete edits.right;
    return edits;
  }

  #changeKeypoints(place, moved, merge = "") {
    const edits = this.#marks(place);
    this.#apply(new Map([[place, { ...edits, keypoints: { ...edits.keypoints, ...moved } }]]), merge);
  }

  #apply(changes, merge = "") {
    for (const edits of changes.values()) {
      if (edits.keypoints && !Object.keys(edits.keypoints).length) delete edits.keypoints;
      if (!edits.keypoints) delete edits.interpolated;
    }
    const goesOn = merge && merge === this.#merging.name && Date.now() - this.#merging.at < MERGE_MS;
    if (!goesOn) this.#undo.push(this.#now(changes.keys()));
    this.#merging = { name: merge, at: Date.now() };
    if (this.#undo.length > MOST_UNDONE) this.#undo.shift();
    this.#redo = [];
    this.#set(changes);
  }

  #step(from, to) {
    const changes = from.pop();
    if (!changes) return [];
    to.push(this.#now(changes.keys()));
    this.#merging = { name: "", at: 0 };
    this.#set(changes);
    return [...changes.keys()];
  }

  #now(places) {
    return new Map([...places].map((place) => [place, this.pairs[place].edits]));
  }

  #set(changes) {
    for (const [place, edits] of changes) this.pairs[place].edits = edits;
    this.changed([...changes.keys()]);
  }
}

/** All key points as edits; those of the other side where `sides` says so. */
function placed(points, sides = points.map((_, number) => number)) {
  return Object.fromEntries(
    sides.map((from, number) => {
      const point = points[from];
      return [number, seen(point) ? [point[0], point[1]].map(rounded) : null];
    }),
  );
}

const rounded = (value) => Math.round(value * 100) / 100;
