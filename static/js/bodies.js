// Whose body: the pictures to choose from, and what is known of the one that is chosen.

import { api, at, pageData } from "./api.js";
import { listen } from "./events.js";
import { make } from "./make.js";
import { active, spent } from "./training_wording.js";
import { when } from "./wording.js";

const element = (id) => document.getElementById(id);

/** Event: "chosen" (detail: {name, title}). */
export class Bodies extends EventTarget {
  #performers = [];
  #chosen = null;

  constructor(wanted) {
    super();
    element("bodies").addEventListener("keydown", (event) => this.#walk(event));
    this.show(pageData.performers, wanted);
    listen(at("/api/trainings/events"), (trainings) => this.#trainings(trainings));
  }

  /** `{name, title}` of the one that is chosen; null when there is nobody. */
  get chosen() {
    return this.#chosen;
  }

  show(performers, wanted = this.#chosen?.name) {
    this.#performers = performers;
    element("nobody").hidden = performers.length > 0;
    element("bodies").replaceChildren(
      ...performers.map((one) => {
        const button = make("button", "body-card");
        button.type = "button";
        button.dataset.name = one.name;
        button.setAttribute("role", "radio");
        const image = new Image();
        image.src = one.picture;
        image.alt = "";
        button.append(image, make("span", "", one.title));
        if (one.since) button.append(make("small", "", when(one.since)));
        button.addEventListener("click", () => this.choose(one.name));
        return button;
      }),
    );
    const first = performers.find(({ name }) => name === wanted) ?? performers[0];
    if (first && first.name !== this.#chosen?.name) this.choose(first.name);
    else this.#mark();
  }

  choose(name) {
    this.#chosen = this.#performers.find((one) => one.name === name) ?? null;
    this.#mark();
    this.dispatchEvent(new CustomEvent("chosen", { detail: this.#chosen }));
  }

  #mark() {
    for (const button of element("bodies").children) {
      const chosen = button.dataset.name === this.#chosen?.name;
      button.setAttribute("aria-checked", chosen);
      button.tabIndex = chosen ? 0 : -1;
    }
  }

  #walk(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = [...element("bodies").children];
    const next = (buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length;
    buttons[next].focus();
    buttons[next].click();
  }

  /** A run that still learns: which of its minutes one sees; one that begins to be there: listed. */
  async #trainings(trainings) {
    const mine = trainings.find((one) => one.performer === this.#chosen?.name);
    element("learning").hidden = !(mine && active(mine));
    if (mine) element("learning").textContent = `It is still learning; you see it after ${spent(mine.seconds)}.`;
    const known = new Set(this.#performers.map(({ name }) => name));
    if (trainings.some(({ performer }) => performer && !known.has(performer))) {
      this.show(await api("/api/performers").catch(() => this.#performers));
    }
  }
}
