// All films: look, download, share, delete.

import { api, at, pageData, started } from "./api.js";
import { confirmed } from "./confirm.js";
import { link, make } from "./make.js";
import { ShareDialog } from "./share.js";
import { toast } from "./toasts.js";
import { counted, when } from "./wording.js";

const element = (id) => document.getElementById(id);
const KINDS = { dataset: "Dataset", performance: "Performance", rendition: "From a video" };
const sharing = new ShareDialog();

function card(film) {
  const made = make("article", "card film");
  const video = make("video");
  video.src = at(film.film);
  video.poster = at(film.poster);
  video.controls = video.playsInline = true;
  video.preload = "none";
  video.setAttribute("aria-label", film.title);
  const actions = make("div", "job-actions");
  const download = link(at(film.film), "button button-small", "Download");
  download.download = `${film.title}.mp4`;
  const share = make("button", "button button-small button-primary", "Share");
  share.type = "button";
  share.addEventListener("click", () => sharing.open("film", film.id, film.title));
  const remove = make("button", "button button-small button-danger", "Delete");
  remove.type = "button";
  remove.addEventListener("click", () => forget(film));
  actions.append(share, download, remove);
  const about = make("p", "small soft", `${KINDS[film.kind]}, ${when(film.created)}`);
  made.append(video, make("h2", "film-title", film.title), about, actions);
  return made;
}

async function forget(film) {
  if (!(await confirmed(`Delete “${film.title}”?`, "Links to it lead nowhere then."))) return;
  try {
    await api(`/api/films/${film.id}`, { method: "DELETE" });
    show(await api("/api/films"));
  } catch (error) {
    toast(error.message, "bad");
  }
}

function show(films) {
  element("films").replaceChildren(...films.map(card));
  element("empty").hidden = films.length > 0;
  element("total").textContent = films.length ? counted(films.length, "film") : "";
}

show(pageData.films);
started();
