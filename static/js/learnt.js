// Pictures of a run as it learns: true beside drawn, one slider over the whole history.

import { make } from "./make.js";
import { spent } from "./training_wording.js";

const element = (id) => document.getElementById(id);
const FRAMES = 8;

/** Shows the newest picture until somebody moves the slider away from its end. */
export class Learnt {
  #base;
  #own;
  #true;
  #names = [];

  /** `own`, `truth`: how its own pictures and the true ones are called. */
  constructor(base, own, truth) {
    [this.#base, this.#own, this.#true] = [base, own, truth];
    element("history").addEventListener("input", () => this.#showPicture());
    element("true").addEventListener("load", ({ target }) => {
      // Of a short dataset there are fewer than five.
      const poses = Math.max(1, Math.round(target.naturalWidth / target.naturalHeight));
      const { style } = document.body;
      style.setProperty("--poses", poses);
      style.setProperty("--middle", Math.floor(poses / 2));
    });
  }

  /** `names`: of all pictures by now, each the seconds it was drawn after. */
  show(names, over) {
    const slider = element("history");
    const atEnd = Number(slider.value) >= Number(slider.max);
    const same = names.length === this.#names.length && names.at(-1) === this.#names.at(-1);
    const first = this.#names.length === 0;
    this.#names = names;
    element("poses").hidden = names.length === 0;
    if (!names.length) return;
    if (first) element("true").src = `${this.#base}/pictures/true.jpg`;
    if (!same) {
      slider.max = names.length - 1;
      if (atEnd) slider.value = slider.max;
      this.#showPicture();
    }
    element("film-card").hidden = !over || names.length < 2;
    if (over && names.length > 1 && (!same || first || !element("filmstrip").children.length)) this.#showFilm();
  }

  #showPicture() {
    const slider = element("history");
    const name = this.#names[Number(slider.value)];
    const after = Number(name) < 1 ? "before it learnt" : `after ${spent(Number(name))}`;
    element("drawn").src = `${this.#base}/pictures/${name}.jpg`;
    element("moment").textContent = after;
    element("drawn-caption").textContent = `${this.#own}, ${after}`;
    slider.setAttribute("aria-valuetext", after);
  }

  /** One pose at some moments, and the truth. */
  #showFilm() {
    const count = Math.min(FRAMES, this.#names.length);
    const chosen = Array.from({ length: count }, (_, number) =>
      this.#names[Math.round((number * (this.#names.length - 1)) / Math.max(count - 1, 1))],
    );
    const frame = (name, caption) => {
      const figure = make("figure", "film-frame");
      const window = make("div", "film-window");
      const image = make("img");
      image.src = `${this.#base}/pictures/${name}.jpg`;
      image.alt = caption;
      image.loading = "lazy";
      window.append(image);
      figure.append(window, make("figcaption", "small soft numbers", caption));
      return figure;
    };
    element("filmstrip").replaceChildren(
      ...chosen.map((name) => frame(name, spent(Number(name)))),
      frame("true", this.#true),
    );
  }
}
