// Whose body: the pictures to choose from, and what is known of the one that is chosen.

import { api, at, pageData } from "./api.js";
import { listen } from "./events.js";
import { make } from "./make.js";
import { active, spent } from "./training_wording.js";
import { when } from "./wording.js";

const element = (id) => document.getElementById(id);
const LOOK_MS = 10_000;

/** Events: "chosen" (detail: {name, title}), "listed": others are there than before. */
export class Bodies extends EventTarget {
  #performers = [];
  #chosen = null;

  constructor(wanted) {
    super();
    element("bodies").addEventListener("keydown", (event) => this.#walk(event));
    this.show(pageData.performers, wanted);
    listen(at("/api/trainings/events"), (trainings) => this.#trainings(trainings));
    setInterval(() => document.hidden || this.#look(), LOOK_MS);
    document.addEventListener("visibilitychange", () => document.hidden || this.#look());
  }

  /** Ids and titles of the datasets among them, `[id, title]`. */
  get recordings() {
    const datasets = this.#performers.filter(({ name }) => !name.startsWith("as:run:"));
    return datasets.map(({ name, title }) => [name.slice(3), title]);
  }

  /** `{name, title}` of the one that is chosen; null when there is nobody. */
  get chosen() {
    return this.#chosen;
  }

  show(performers, wanted = this.#chosen?.name) {
    this.#performers = performers;
    element("nobody").hidden = performers.length > 0;
    element("bodies").hidden = !performers.length;
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
    // Who dances as somebody that was deleted goes on.
    const first = performers.find(({ name }) => name === wanted) ?? (this.#chosen ? null : performers[0]);
    if (first && first.name !== this.#chosen?.name) this.choose(first.name);
    else this.#mark();
  }

  choose(name) {
    this.#chosen = this.#performers.find((one) => one.name === name) ?? null;
    this.#mark();
    this.dispatchEvent(new CustomEvent("chosen", { detail: this.#chosen }));
  }

  #mark() {
    const buttons = [...element("bodies").children];
    const chosen = buttons.find(({ dataset }) => dataset.name === this.#chosen?.name);
    for (const button of buttons) {
      button.setAttribute("aria-checked", button === chosen);
      button.tabIndex = button === (chosen ?? buttons[0]) ? 0 : -1;
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
      await this.#look();
    }
  }

  /** Whoever was recorded, renamed or deleted meanwhile. */
  async #look() {
    const found = await api("/api/performers").catch(() => this.#performers);
    const about = (performers) => JSON.stringify(performers.map(({ name, title }) => [name, title]));
    if (about(found) === about(this.#performers)) return;
    this.show(found);
    this.dispatchEvent(new CustomEvent("listed"));
  }
}
