// All films: look, download, share, delete.

import { api, pageData, started } from "./api.js";
import { confirmed } from "./confirm.js";
import { filmCard } from "./film_card.js";
import { make } from "./make.js";
import { ShareDialog } from "./share.js";
import { toast } from "./toasts.js";
import { counted, when } from "./wording.js";

const element = (id) => document.getElementById(id);
const KINDS = { dataset: "Dataset", performance: "Performance", rendition: "From a video" };
const sharing = new ShareDialog();

function card(film) {
  const { element: made, about, actions } = filmCard(film, sharing);
  about.textContent = `${KINDS[film.kind]}, ${when(film.created)}`;
  const remove = make("button", "button button-small button-danger", "Delete");
  remove.type = "button";
  remove.addEventListener("click", () => forget(film));
  actions.append(remove);
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
