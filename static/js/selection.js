// Which pairs are chosen, by their index: singly, in ranges, by flag.

export class Selection {
  #pairs = [];
  #chosen = new Set();
  #before = new Set();
  #removing = false;

  /** `changed(selection)` is called after every change. */
  constructor(changed) {
    this.changed = changed;
    /** The place a range is counted from. */
    this.anchor = 0;
  }

  get indices() {
    return [...this.#chosen];
  }

  get size() {
    return this.#chosen.size;
  }

  /** Other pairs: what is no longer there is no longer chosen. */
  setPairs(pairs) {
    this.#pairs = pairs;
    const there = new Set(pairs.map((pair) => pair.index));
    this.#replace([...this.#chosen].filter((index) => there.has(index)));
    this.anchor = 0;
  }

  has(place) {
    return this.#chosen.has(this.#pairs[place]?.index);
  }

  toggle(place) {
    const { index } = this.#pairs[place];
    this.anchor = place;
    this.#replace(this.has(place) ? this.#without([index]) : [...this.#chosen, index]);
  }

  /** From the anchor to a place, added to what is chosen. */
  extend(place) {
    this.#replace([...this.#chosen, ...this.#between(this.anchor, place)]);
  }

  /** A range that is still being drawn starts at a place... */
  begin(place) {
    this.anchor = place;
    this.#before = new Set(this.#chosen);
    this.#removing = this.has(place);
  }

  /** ...and for now ends at another. Started on a chosen pair, it takes away. */
  drawTo(place) {
    const range = this.#between(this.anchor, place);
    this.#chosen = new Set(this.#before);
    this.#replace(this.#removing ? this.#without(range) : [...this.#chosen, ...range]);
  }

  /** Whether all that carry a flag are chosen. */
  hasFlag(flag) {
    return this.#flagged(flag).every((index) => this.#chosen.has(index));
  }

  toggleFlag(flag) {
    const flagged = this.#flagged(flag);
    this.#replace(this.hasFlag(flag) ? this.#without(flagged) : [...this.#chosen, ...flagged]);
  }

  all() {
    this.#replace(this.#pairs.map((pair) => pair.index));
  }

  clear() {
    this.#replace([]);
  }

  #flagged(flag) {
    return this.#pairs.filter((pair) => pair.flags.includes(flag)).map((pair) => pair.index);
  }

  #between(a, b) {
    const range = this.#pairs.slice(Math.min(a, b), Math.max(a, b) + 1);
    return range.map((pair) => pair.index);
  }

  #without(indices) {
    const gone = new Set(indices);
    return [...this.#chosen].filter((index) => !gone.has(index));
  }

  #replace(indices) {
    this.#chosen = new Set(indices);
    this.changed(this);
  }
}
