// Where the double stands and how large: fitted to the dancer at once, moved by hand, remembered.

import { wait } from "./api.js";
import { flash } from "./flash.js";
import { recall, remember } from "./memory.js";
import { allowSound, beep } from "./sound.js";
import { toast } from "./toasts.js";

const COUNTDOWN = 3; // Seconds to get into place.
const FIELDS = ["x", "y", "scale"];
const HERE = { x: 0, y: 0, scale: 100 };
const element = (id) => document.getElementById(id);
const slider = (name) => element(`place-${name}`);

export class Place {
  #session;
  #body = null;
  #mirrored = false;
  #fitting = false;
  #offered = false;

  constructor(session) {
    this.#session = session;
    for (const name of FIELDS) slider(name).addEventListener("input", () => this.#changed());
    element("place-reset").addEventListener("click", () => {
      this.#set(HERE);
      this.#changed();
    });
    for (const id of ["fit", "fit-now"]) element(id).addEventListener("click", () => this.#fit());
    element("fit-skip").addEventListener("click", () => (element("fit-offer").hidden = true));
    this.#set(HERE);
  }

  /** Another body, `{name}`: where its double was last put. */
  choose(body) {
    this.#body = body;
    this.#set(remembered(body.name));
    this.send();
  }

  /** Whether what is seen is mirrored: right is right as one sees it. */
  set mirrored(on) {
    this.#mirrored = on;
    this.send();
  }

  /** Tell the server, which knows nothing of it when a call begins or a body is chosen. */
  send() {
    if (!this.#body) return;
    const { x, y, scale } = this.#values();
    this.#session.send("place", {
      x: ((this.#mirrored ? -1 : 1) * x) / 100,
      y: -y / 100,
      scale: scale / 100,
    });
  }

  /** One "state" message; null when there is no call. */
  show(state) {
    const ready = Boolean(state?.performing) && this.#session.state === "live";
    element("fit").disabled = !ready || this.#fitting;
    if (state === null) this.#fitting = false; // Whoever was asked is gone.
    if (!ready) element("fit-offer").hidden = true;
    else if (!this.#offered) {
      this.#offered = true;
      element("fit-offer").hidden = false;
    }
    if (state?.calibrating != null) flash("Stand still, arms a little away …");
  }

  /** What came of two seconds of standing still. */
  fitted({ ok, message }) {
    this.#fitting = false;
    beep(ok ? 1175 : 330, 0.4);
    flash(message, ok ? 3 : 6);
  }

  /** It could not even begin. */
  failed() {
    this.#fitting = false;
  }

  async #fit() {
    if (this.#fitting) return;
    this.#fitting = true;
    allowSound();
    element("fit").disabled = element("fit-offer").hidden = true;
    element("countdown").hidden = false;
    for (let left = COUNTDOWN; left > 0; left -= 1) {
      element("countdown").textContent = left;
      beep(660, 0.12);
      await wait(1000);
    }
    element("countdown").hidden = true;
    if (!this.#session.send("calibrate")) {
      this.#fitting = false;
      toast("There is no connection: try again in a moment.", "bad");
    }
  }

  #values() {
    return Object.fromEntries(FIELDS.map((name) => [name, Number(slider(name).value)]));
  }

  #set(values) {
    for (const name of FIELDS) slider(name).value = values[name];
    this.#label();
  }

  #changed() {
    this.#label();
    if (this.#body) remember(key(this.#body.name), JSON.stringify(this.#values()));
    this.send();
  }

  #label() {
    const { x, y, scale } = this.#values();
    const way = (value, more, less) => (value ? `${Math.abs(value)} % ${value > 0 ? more : less}` : "–");
    element("place-x-value").textContent = way(x, "right", "left");
    element("place-y-value").textContent = way(y, "up", "down");
    element("place-scale-value").textContent = `${scale} %`;
  }
}

const key = (name) => `place:${name}`;

/** What was kept of a body; where it makes no sense, as it comes. */
function remembered(name) {
  try {
    const kept = JSON.parse(recall(key(name)));
    return FIELDS.every((field) => Number.isFinite(kept[field])) ? kept : HERE;
  } catch {
    return HERE;
  }
}
