// A film to look at: share it, download it, make a GIF or a boomerang of it.

import { at } from "./api.js";
import { FilmLoops } from "./film_loops.js";
import { link, make } from "./make.js";

/** `film`: as `GET /api/films` lists it, at least `{id, title, film, poster}`. */
export function filmCard(film, sharing) {
  const element = make("article", "card film");
  const video = make("video");
  video.src = at(film.film);
  video.poster = at(film.poster);
  video.controls = video.playsInline = true;
  video.preload = "none";
  video.setAttribute("aria-label", film.title);
  const share = make("button", "button button-small button-primary", "Share");
  share.type = "button";
  share.addEventListener("click", () => sharing.open("film", film.id, film.title));
  const download = link(at(film.film), "button button-small", "Download");
  download.download = `${film.title}.mp4`;
  const actions = make("div", "job-actions");
  const loops = new FilmLoops(film, video);
  actions.append(share, download, ...loops.buttons);
  const about = make("p", "small soft");
  element.append(video, make("h2", "film-title", film.title), about, actions, loops.element);
  return { element, video, about, actions };
}
