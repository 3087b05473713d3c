// Films of a performance: recorded by button, or the last moment kept, by button or raised hands.

import { api, at, pageData } from "./api.js";
import { filmCard } from "./film_card.js";
import { flash } from "./flash.js";
import { follow, JobCard } from "./jobs.js";
import { link } from "./make.js";
import { recall, remember } from "./memory.js";
import { beep } from "./sound.js";
import { toast } from "./toasts.js";
import { upload } from "./upload.js";

const REST_MS = 1000 * pageData.moment_seconds; // Hands that go up again so soon mean the same moment.
const element = (id) => document.getElementById(id);

export class Filming {
  #session;
  #bodies;
  #sharing;
  #filming = false;
  #moment = 0; // Seconds that would be kept.
  #keptAt = -Infinity;
  #keeping = false; // The server is writing a moment.

  constructor(session, bodies, sharing) {
    this.#session = session;
    this.#bodies = bodies;
    this.#sharing = sharing;
    element("film").addEventListener("click", () => this.#toggle());
    element("moment").addEventListener("click", () => this.#keepMoment());
    element("beside").addEventListener("change", () => this.#order("beside"));
    const off = pageData.moment_seconds <= 0;
    element("moment").hidden = element("gesture").parentElement.hidden = off;
    element("gesture").checked = recall("moment-gesture") !== "no";
    element("gesture").addEventListener("change", ({ target }) => {
      remember("moment-gesture", target.checked ? "yes" : "no");
      this.begin();
    });
  }

  /** A call has begun: the server knows nothing yet of what is wanted. */
  begin() {
    const enabled = pageData.moment_seconds > 0 && element("gesture").checked;
    this.#session.send("gesture", { enabled });
  }

  /** One "state" message; null when there is no call. */
  show(state) {
    const { seconds, moment } = state?.film ?? { seconds: null, moment: 0 };
    this.#filming = seconds !== null;
    this.#moment = this.#filming ? 0 : moment;
    element("film").disabled = this.#session.state !== "live";
    element("film").classList.toggle("on", this.#filming);
    element("film-text").textContent = this.#filming ? "Stop the film" : "Record a film";
    element("sound").disabled = this.#filming; // A film has sound from its beginning, or none.
    element("clock").hidden = !this.#filming;
    element("clock-time").textContent = clockText(seconds ?? 0);
    element("moment").disabled = this.#moment < 1;
    element("moment").title = `Keeps the last ${Math.round(moment)} seconds.`;
    this.#showHands(this.#mayKeep ? (state?.hands_up ?? 0) : 0);
    if (this.#filming && seconds >= pageData.limits.recording_seconds) this.#order("end");
  }

  /** Both hands were held up for a second. */
  handsUp() {
    if (!this.#mayKeep) return;
    this.#showHands(0);
    this.#keepMoment();
  }

  /** A film is there: look, share, download. */
  filmed({ film, title, dropped }) {
    if (this.#keeping) flash("Kept: it stands below the picture.");
    this.#keeping = false;
    const card = filmCard({ id: film, title, film: `/films/${film}/film.mp4`, poster: `/films/${film}/poster.jpg` }, this.#sharing);
    if (dropped) card.about.textContent = `${dropped} pictures are left out: the machine could not keep up.`;
    card.actions.append(link(at("/films"), "button button-small button-quiet", "All films"));
    this.#prepend(card.element);
    card.element.scrollIntoView({ block: "nearest" });
  }

  /** Something that was asked for could not be done. */
  failed() {
    this.#keeping = false;
  }

  /** A video goes there and comes back as a film of whoever is chosen. */
  async rendition(file) {
    const body = this.#bodies.chosen;
    if (!body) {
      toast("Record somebody first: then a video can show them.", "bad");
      return;
    }
    const card = new JobCard(`${file.name} as ${body.title}`);
    card.working = "Dancing";
    this.#prepend(card.element);
    const stop = new AbortController();
    card.cancel.onclick = () => stop.abort();
    const before = new Set((await api("/api/films")).map(({ id }) => id));
    try {
      const { job } = await upload(file, {
        purpose: "rendition",
        performer: body.name,
        signal: stop.signal,
        onProgress: (received, size) => {
          card.say(`Uploading: ${Math.round((100 * received) / size)} %`);
          card.show(received / size);
        },
      });
      const ended = await follow(card, job);
      const made = (await api("/api/films")).find(({ id, kind }) => kind === "rendition" && !before.has(id));
      if (ended?.state === "done" && made) {
        card.element.remove();
        this.filmed({ film: made.id, title: made.title, dropped: 0 });
      }
    } catch (error) {
      const cancelled = error.name === "AbortError";
      card.end(cancelled ? "Cancelled: nothing was kept." : error.message, { bad: !cancelled });
    }
  }

  get #mayKeep() {
    return this.#moment >= 1 && !this.#keeping && performance.now() - this.#keptAt > REST_MS;
  }

  #keepMoment() {
    if (!this.#order("moment")) return;
    this.#keptAt = performance.now();
    beep(880, 0.2);
    this.#keeping = true;
    flash("That was the moment! Keeping it …");
  }

  #toggle() {
    if (!this.#order(this.#filming ? "end" : "begin")) {
      toast("There is no connection to record on; wait a moment.", "bad");
      return;
    }
    element("film").disabled = true;
  }

  #order(action) {
    return this.#session.send("film", {
      action,
      title: `Danced as ${this.#bodies.chosen?.title ?? "somebody"}`.slice(0, 100),
      beside: element("beside").checked,
    });
  }

  #showHands(share) {
    element("hands").hidden = share < 0.05;
    element("hands-fill").style.strokeDashoffset = 100 - share * 100;
  }

  #prepend(card) {
    element("results").hidden = false;
    element("results").prepend(card);
  }
}

const clockText = (seconds) =>
  `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
