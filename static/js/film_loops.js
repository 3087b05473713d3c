// Three seconds of a film as a GIF, or forwards and backwards: made on the server, then downloaded.

import { api, at } from "./api.js";
import { follow, JobCard } from "./jobs.js";
import { link, make } from "./make.js";

const KINDS = [
  ["gif", "GIF", "Three seconds as a GIF, from where the film stands."],
  ["boomerang", "Boomerang", "Three seconds forwards and backwards, from where the film stands."],
];
const FILES = {
  "film.gif": "GIF",
  "boomerang.mp4": "Boomerang, mp4",
  "boomerang.gif": "Boomerang, GIF",
};

/** Buttons that make loops of a film, and the way to those that are there. */
export class FilmLoops {
  /** `video` shows the film, which is as `GET /api/films` lists it. */
  constructor(film, video) {
    this.film = film;
    this.video = video;
    this.element = make("div", "film-loops");
    this.buttons = KINDS.map(([kind, text, title]) => {
      const button = make("button", "button button-small", text);
      button.type = "button";
      button.title = title;
      button.addEventListener("click", () => this.#make(kind, text));
      return button;
    });
    this.links = make("p", "film-loop-links small");
    this.work = make("div");
    this.element.append(this.work, this.links);
    this.#show(film.loops ?? []);
  }

  #show(names) {
    this.links.hidden = names.length === 0;
    const links = names.map((name) => {
      const made = link(at(`/films/${this.film.id}/${name}`), "", FILES[name]);
      made.download = `${this.film.title}.${name.split(".").at(-1)}`;
      return made;
    });
    this.links.replaceChildren("Download: ", ...links.flatMap((one, place) => (place ? [" · ", one] : [one])));
  }

  async #make(kind, text) {
    for (const button of this.buttons) button.disabled = true;
    const card = new JobCard(text);
    card.working = "Drawing";
    card.say("Beginning …");
    card.show(null);
    this.work.replaceChildren(card.element);
    try {
      const body = { kind, from: this.video.currentTime || 0 };
      const { job } = await api(`/api/films/${this.film.id}/loops`, { method: "POST", body });
      const ended = await follow(card, job);
      if (ended?.state !== "done") return;
      this.work.replaceChildren();
      const films = await api("/api/films");
      this.#show(films.find(({ id }) => id === this.film.id)?.loops ?? []);
      this.links.setAttribute("role", "status");
    } catch (error) {
      card.end(error.message, { bad: true });
    } finally {
      for (const button of this.buttons) button.disabled = false;
    }
  }
}
