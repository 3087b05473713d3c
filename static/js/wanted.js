// What a dataset lacks and somebody came here to capture: ticked as it is seen.

import { pageData } from "./api.js";
import { moreOf } from "./wording.js";

const NEAR = "face near";

export class Wanted {
  #lines = new Map();
  #seen = new Set();

  constructor() {
    const { items = [] } = pageData.wanted ?? {};
    for (const { name, do: what } of items) {
      const line = document.createElement("li");
      line.dataset.wanted = name;
      line.textContent = what;
      document.getElementById("wanted").append(line);
      this.#lines.set(name, line);
    }
  }

  /** Of the recording that is made of it; empty: the server's usual one. */
  get title() {
    return pageData.wanted ? moreOf(pageData.wanted.title) : "";
  }

  /** Id of the dataset that it is for; null when nothing is wanted. */
  get dataset() {
    return pageData.wanted?.dataset ?? null;
  }

  /** What to do now, to be read across the room; empty when nothing is wanted. */
  get next() {
    if (!this.#lines.size) return "";
    const left = [...this.#lines].find(([name]) => !this.#seen.has(name));
    return left ? `${left[1].textContent}.` : "That is all: stop when you like.";
  }

  /** Whether to come so near is just what is wanted now. */
  get near() {
    const left = [...this.#lines.keys()].filter((name) => !this.#seen.has(name));
    return left.length === 1 && left[0] === NEAR;
  }

  /** Show one "state" message: what was seen for about a second is there. */
  show({ coverage }) {
    if (!coverage) return;
    this.#seen = new Set(coverage.enough);
    for (const [name, line] of this.#lines) line.classList.toggle("ok", this.#seen.has(name));
  }
}
