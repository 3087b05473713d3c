// Frame, mask and skeleton of one pair, drawn together; plays at the dataset's own times.

import { mended } from "./mending_edits.js";
import { PictureCache } from "./pictures.js";
import { drawSkeleton } from "./skeleton.js";

const LONGEST_STEP = 0.5; // Seconds; where frames were deleted, play goes on sooner.

export class Player {
  #pairs = [];
  #place = 0;
  #playing = false;
  #catchingUp = null;
  #drawn = null;

  /**
   * `frame`, `mask`: canvases. `urls(index)` gives `[frame, mask]`; `limbs`: pairs of key points.
   * `changed(place)` is told of every step, `failed()` of a picture that does not come.
   */
  constructor({ frame, mask, urls, limbs, changed, failed }) {
    Object.assign(this, { frame, mask, limbs, changed, failed });
    this.cache = new PictureCache(urls);
    /** One picture with everything over each other, instead of frame and mask side by side. */
    this.overlaid = false;
    this.layers = { frame: true, opacity: 0.6, skeleton: true };
  }

  get playing() {
    return this.#playing;
  }

  get place() {
    return this.#place;
  }

  setPairs(pairs, width, height) {
    const index = this.#pairs[this.#place]?.index ?? 0;
    this.#pairs = pairs;
    this.#drawn = null;
    this.cache.reset(width, height);
    if (!pairs.length) {
      for (const canvas of [this.frame, this.mask]) prepared(canvas, canvas);
    }
    const near = pairs.findIndex((pair) => pair.index >= index);
    this.show(near < 0 ? pairs.length - 1 : near);
  }

  /** Show the pair at a place, 0 for the first; resolves once it is drawn. */
  async show(place) {
    if (!this.#pairs.length) return;
    this.#place = Math.max(0, Math.min(place, this.#pairs.length - 1));
    this.changed(this.#place);
    this.#catchingUp ??= this.#catchUp().finally(() => (this.#catchingUp = null));
    await this.#catchingUp;
  }

  /** Draw again, after a layer was switched. */
  draw() {
    if (!this.#drawn) return;
    const { pair, pictures } = this.#drawn;
    const { frame, opacity, skeleton } = this.layers;
    const keypoints = mended(pair);
    const { erased } = pair.edits;
    const left = prepared(this.frame, pictures.frame);
    if (frame || !this.overlaid) left.drawImage(pictures.frame, 0, 0);
    if (this.overlaid) {
      left.globalAlpha = opacity;
      if (opacity && !erased) left.drawImage(pictures.parts, 0, 0);
      left.globalAlpha = 1;
      if (skeleton) drawSkeleton(left, keypoints, this.limbs);
      return;
    }
    const right = prepared(this.mask, pictures.mask);
    if (!erased) right.drawImage(pictures.mask, 0, 0);
    if (skeleton) drawSkeleton(right, keypoints, this.limbs);
  }

  toggle() {
    if (this.#playing) this.pause();
    else this.#play();
  }

  pause() {
    this.#playing = false;
    if (this.#pairs.length) this.changed(this.#place);
  }

  /** Draw what is wanted now, and again if something else is wanted by then. */
  async #catchUp() {
    let pair;
    while (pair !== this.#pairs[this.#place] && this.#pairs.length) {
      pair = this.#pairs[this.#place];
      try {
        const pictures = await this.cache.get(pair.index);
        if (!this.#pairs.includes(pair)) continue;
        this.cache.show(pictures);
        this.#drawn = { pair, pictures };
        this.draw();
      } catch {
        if (pair !== this.#pairs[this.#place]) continue;
        this.#playing = false;
        this.failed();
      }
    }
    // Whoever only looks in does not fetch a second of film.
    if (!this.#playing && !this.#place) return;
    const next = this.#pairs.slice(this.#place + 1, this.#place + 1 + this.cache.ahead);
    for (const { index } of next) this.cache.get(index).catch(() => {});
  }

  async #play() {
    this.#playing = true;
    if (this.#place >= this.#pairs.length - 1) await this.show(0);
    this.changed(this.#place);
    let due = performance.now();
    while (this.#playing && this.#place < this.#pairs.length - 1) {
      due += 1000 * this.#step(this.#place);
      await until(due);
      if (!this.#playing) break;
      let place = this.#place + 1;
      while (place < this.#pairs.length - 1 && due + 1000 * this.#step(place) < performance.now()) {
        due += 1000 * this.#step(place); // Slow screen: leave frames out, keep the time.
        place += 1;
      }
      const asked = performance.now();
      await this.show(place);
      const waited = performance.now() - asked;
      if (waited > 100) due = performance.now(); // Slow network: go on from here.
    }
    this.#playing = false;
    this.changed(this.#place);
  }

  /** Seconds from the pair at a place to the next. */
  #step(place) {
    const seconds = this.#pairs[place + 1].time_s - this.#pairs[place].time_s;
    return Math.min(seconds, LONGEST_STEP);
  }
}

async function until(due) {
  do await new Promise(requestAnimationFrame);
  while (performance.now() < due);
}

/** The canvas's context, the canvas empty and of the picture's size. */
function prepared(canvas, picture) {
  const context = canvas.getContext("2d");
  if (canvas.width !== picture.width || canvas.height !== picture.height) {
    canvas.width = picture.width;
    canvas.height = picture.height;
  } else context.clearRect(0, 0, canvas.width, canvas.height);
  return context;
}
