// The frame with its key points, to be dragged by mouse, pen or finger, and by arrow keys.

import { seen } from "./mending_edits.js";

const NEAR = { mouse: 18, pen: 24, touch: 36 }; // CSS pixels from a key point that still mean it.
const STEP = { fine: 1, coarse: 10 }; // Pixels of the frame.
const ROOM = 0.35; // Around the dancer or the face, as a share of their size.
const FACE = 5; // Nose, eyes and ears come first.

export class MendingStage {
  #points = null;
  #size = [1, 1];
  #drag = null;
  #zoom = "whole";
  #wanted = "";

  /**
   * `stage`: takes the focus and holds `svg`, which has `.frame`, `.mask`, `.limbs`, `.dots`.
   * `moved(number, [x, y], byKey)`, `chosen(number)`, `hidden(number)` are told what was done.
   */
  constructor({ stage, svg, limbs, sides, moved, chosen, hidden }) {
    Object.assign(this, { stage, svg, limbs, moved, chosen, hidden });
    this.picture = svg.querySelector(".frame");
    this.mask = svg.querySelector(".mask");
    this.lines = svg.querySelector(".limbs");
    /** The key point that keys move; null: none. */
    this.point = null;
    this.dots = sides.map((other, number) => this.#dot(number, other));
    stage.addEventListener("pointerdown", (event) => this.#press(event));
    stage.addEventListener("pointermove", (event) => this.#pull(event));
    stage.addEventListener("pointerup", (event) => this.#release(event));
    stage.addEventListener("pointercancel", () => this.#giveUp());
    stage.addEventListener("keydown", (event) => this.#key(event));
  }

  /** The pictures of a frame; resolves when they can be seen. */
  async show([frame, mask], [width, height]) {
    this.#wanted = frame;
    const picture = new Image();
    picture.src = frame;
    await picture.decode();
    if (this.#wanted !== frame) return;
    this.#size = [width || picture.naturalWidth, height || picture.naturalHeight];
    for (const [image, url] of [[this.picture, frame], [this.mask, mask]]) {
      image.setAttribute("href", url);
      // Whole numbers are pixel centres.
      for (const [name, value] of Object.entries({ x: -0.5, y: -0.5, width: this.#size[0], height: this.#size[1] })) {
        image.setAttribute(name, value);
      }
    }
    this.#frameIt();
  }

  /** Key points to be drawn, or null; `doubted`: numbers of those that look wrong. */
  draw(points, doubted = []) {
    if (!this.#drag) this.#points = points?.map((point) => [...point]) ?? null;
    this.svg.classList.toggle("nobody", !points);
    this.dots.forEach((dot, number) => dot.classList.toggle("doubted", doubted.includes(number)));
    this.#paint();
  }

  choose(number) {
    this.point = number;
    this.#paint();
    this.chosen(number);
  }

  /** "whole", "dancer" or "face". */
  zoom(name) {
    this.#zoom = name;
    this.#frameIt();
  }

  #dot(number, other) {
    const dot = document.createElementNS("http://www.w3.org/2000/svg", "path");
    const side = other === number ? "middle" : other > number ? "left" : "right";
    dot.setAttribute("class", `dot ${side} ${number < FACE ? "small" : ""}`);
    this.svg.querySelector(".dots").append(dot);
    return dot;
  }

  #paint() {
    const points = this.#points;
    this.lines.setAttribute(
      "d",
      points
        ? this.limbs
            .filter(([a, b]) => seen(points[a]) && seen(points[b]))
            .map(([a, b]) => `M${points[a][0]} ${points[a][1]}L${points[b][0]} ${points[b][1]}`)
            .join("")
        : "",
    );
    this.dots.forEach((dot, number) => {
      const [x, y] = points?.[number] ?? [0, 0];
      dot.setAttribute("d", points ? `M${x} ${y}h0` : "");
      dot.classList.toggle("unseen", Boolean(points) && !seen(points[number]));
      dot.classList.toggle("chosen", number === this.point);
    });
  }

  /** The part of the picture that is wanted, of the whole picture's shape. */
  #frameIt() {
    const [width, height] = this.#size;
    const all = (this.#points ?? []).filter(seen);
    const some = this.#zoom === "face" ? (this.#points ?? []).slice(0, 7).filter(seen) : all;
    let box = [-0.5, -0.5, width, height];
    if (this.#zoom !== "whole" && some.length > 1) {
      const [xs, ys] = [0, 1].map((axis) => some.map((point) => point[axis]));
      const spans = [xs, ys].map((values) => Math.max(...values) - Math.min(...values));
      const room = ROOM * Math.max(...spans) + 10;
      const share = Math.min(1, Math.max((spans[0] + 2 * room) / width, (spans[1] + 2 * room) / height));
      const corner = [xs, ys].map((values, axis) => {
        const middle = (Math.max(...values) + Math.min(...values)) / 2;
        const side = [width, height][axis];
        return Math.max(-0.5, Math.min(middle - (share * side) / 2, side * (1 - share) - 0.5));
      });
      box = [...corner, share * width, share * height];
    }
    this.svg.setAttribute("viewBox", box.join(" "));
  }

  /** A place of the window in pixels of the frame. */
  #place({ clientX, clientY }) {
    const { x, y } = new DOMPoint(clientX, clientY).matrixTransform(this.svg.getScreenCTM().inverse());
    return [x, y];
  }

  #nearest(event) {
    const matrix = this.svg.getScreenCTM();
    let best = null;
    let least = NEAR[event.pointerType] ?? NEAR.mouse;
    this.#points.forEach(([x, y], number) => {
      const there = new DOMPoint(x, y).matrixTransform(matrix);
      // Of two that lie together, the chosen one, then one that is seen.
      const handicap = number === this.point ? -6 : seen(this.#points[number]) ? 0 : 8;
      const distance = Math.hypot(there.x - event.clientX, there.y - event.clientY) + handicap;
      if (distance < least) [best, least] = [number, distance];
    });
    return best;
  }

  #press(event) {
    if (!this.#points || event.button !== 0 || this.#drag) return;
    this.stage.focus({ preventScroll: true });
    event.preventDefault();
    const found = this.#nearest(event);
    // A finger hides what it touches: it may pull the chosen key point from anywhere.
    if (found === null && (event.pointerType !== "touch" || this.point === null)) return;
    if (found !== null && found !== this.point) this.choose(found);
    const from = [...this.#points[this.point]];
    this.#drag = { id: event.pointerId, start: this.#place(event), from, number: this.point, far: false };
    this.stage.setPointerCapture(event.pointerId);
  }

  #pull(event) {
    if (event.pointerId !== this.#drag?.id) return;
    const { start, from, number } = this.#drag;
    const now = this.#place(event);
    const by = now.map((value, axis) => value - start[axis]);
    const { a: scale } = this.svg.getScreenCTM();
    this.#drag.far ||= Math.hypot(...by) * scale > 3;
    if (!this.#drag.far) return;
    this.#points[number] = [...this.#inside(from, by), 1];
    this.#paint();
  }

  #release(event) {
    if (event.pointerId !== this.#drag?.id) return;
    const { number, far } = this.#drag;
    this.#drag = null;
    if (far) this.moved(number, this.#points[number].slice(0, 2), false);
  }

  #giveUp() {
    if (!this.#drag) return;
    const { number, from } = this.#drag;
    this.#drag = null;
    this.#points[number] = from;
    this.#paint();
  }

  /** Within the picture, or near it. */
  #inside(from, by) {
    return this.#size.map((side, axis) => Math.max(-side / 2, Math.min(from[axis] + by[axis], 1.5 * side)));
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.#points) return;
    const step = event.shiftKey ? STEP.coarse : STEP.fine;
    const by = {
      ArrowLeft: [-step, 0],
      ArrowRight: [step, 0],
      ArrowUp: [0, -step],
      ArrowDown: [0, step],
    }[event.key];
    const count = this.#points.length;
    if (event.key === "." || event.key === ",") {
      const now = this.point ?? (event.key === "." ? -1 : count);
      this.choose((now + (event.key === "." ? 1 : count - 1)) % count);
    } else if (event.key === "Escape") this.#giveUp();
    else if (this.point === null) return;
    else if (by) this.moved(this.point, this.#inside(this.#points[this.point], by), true);
    else if (event.key === "Delete" || event.key === "Backspace") this.hidden(this.point);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
