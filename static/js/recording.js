// Record: countdown, beep, running clock, figures, and what becomes of it.

import { wait } from "./api.js";
import { HighQuality, recordingType } from "./high_quality.js";
import { follow, JobCard } from "./jobs.js";
import { recall, remember } from "./memory.js";
import { allowSound, beep } from "./sound.js";
import { toast } from "./toasts.js";

const COUNTDOWN = 3;
const element = (id) => document.getElementById(id);

const clockText = (seconds) =>
  `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

/** "idle", "counting", "recording" or "stopping". */
export class Recording {
  #state = "idle";
  #counting = 0;
  #highQuality = null;
  #dataset = null;
  #returning = false;

  /**
   * `stream()` gives the camera's stream, or null when a file is played; `title`: of what is recorded;
   * `wanted`: id of the dataset that lacks it, or null.
   */
  constructor(session, stream, { title, dataset: wanted }) {
    Object.assign(this, { session, stream, title, wanted });
    element("record").addEventListener("click", () => this.toggle());
    const type = recordingType();
    const box = element("high-quality");
    box.checked = Boolean(type) && recall("high-quality") !== "no";
    box.disabled = !type;
    if (!type) box.closest("label").title = "This browser cannot record by itself (MediaRecorder).";
    box.addEventListener("change", () => {
      remember("high-quality", box.checked ? "yes" : "no");
    });
    const gesture = element("gesture");
    gesture.checked = recall("gesture") !== "no";
    gesture.addEventListener("change", () => {
      remember("gesture", gesture.checked ? "yes" : "no");
      this.sendGesture();
    });
  }

  sendGesture() {
    this.session.send("gesture", { enabled: element("gesture").checked });
  }

  /**
   * The call is up (or not): recording is possible (or not). While the page connects again, a
   * recording waits on the server: the next call goes on with it.
   */
  setLive(live, returning = false) {
    if (returning && this.#state === "recording") {
      this.#returning = true;
      return;
    }
    element("record").disabled = !live && this.#state === "idle";
    if (!live && this.#state === "counting") this.#setState("idle");
    if (!live && this.#state !== "idle") this.ended(null);
  }

  toggle() {
    allowSound();
    if (this.#state === "idle") this.begin();
    else if (this.#state === "counting") this.#setState("idle");
    else if (this.#state === "recording") this.#stop();
  }

  /** Count down, then record. */
  async begin() {
    if (this.#state !== "idle" || element("record").disabled) return;
    allowSound(); // Raised hands start it too: then no click of Record came before.
    this.#setState("counting");
    const round = (this.#counting += 1);
    for (let left = COUNTDOWN; left > 0; left -= 1) {
      element("countdown").textContent = left;
      beep(660, 0.12);
      await wait(1000);
      if (this.#state !== "counting" || round !== this.#counting) return;
    }
    const limit = document.querySelector("input[name=limit]:checked").value;
    const sent = this.session.send("record", {
      seconds: limit ? Number(limit) : null,
      title: this.title, // Too long a one is cut there.
      for: this.wanted,
      high_quality: element("high-quality").checked && Boolean(this.stream()),
      heads: element("heads").checked,
    });
    this.#setState("idle");
    if (!sent) toast("There is no connection to record on; wait a moment.", "bad");
  }

  #stop() {
    this.#setState("stopping");
    this.session.send("stop");
  }

  /** The server has begun. */
  started(dataset) {
    this.#setState("recording");
    this.#dataset = dataset;
    beep(1175, 0.45);
    const stream = this.stream();
    this.#highQuality = null;
    if (element("high-quality").checked && stream) {
      try {
        this.#highQuality = new HighQuality(stream, dataset);
      } catch (error) {
        toast(`High quality is not possible here (${error.message}); the live pairs are kept.`);
      }
    }
  }

  /** Another camera, resolution or file is recorded from now on. */
  pictureChanged() {
    this.#highQuality?.giveUp();
  }

  /** Figures while it runs; null when nothing is being recorded. */
  show(figures) {
    if (!figures) {
      if (this.#returning) this.ended(null); // Too late: it was completed without us.
      this.#returning = false;
      return;
    }
    this.#returning = false;
    if (this.#state === "idle") this.#setState("recording");
    element("clock-time").textContent = clockText(figures.seconds);
    element("clock-limit").textContent = figures.limit ? `/ ${clockText(figures.limit)}` : "";
    const dropped = figures.dropped ? `, ${figures.dropped} left out` : "";
    element("record-figures").textContent =
      `${figures.written} pairs${dropped}, ${figures.rate.toFixed(1)} a second`;
  }

  /** The server has stopped, by whose wish ever; null: the connection was lost. */
  async ended(message) {
    if (this.#state === "idle") return;
    this.#setState("idle");
    element("record-figures").textContent = "";
    beep(440, 0.5);
    const highQuality = this.#highQuality;
    const dataset = this.#dataset;
    this.#highQuality = this.#dataset = null;
    if (!dataset) return;
    if (message && message.written === 0 && !highQuality) {
      toast("Nobody was in the picture: nothing was kept.", "bad");
      return;
    }
    const card = new JobCard("Your recording");
    element("results").hidden = false;
    element("results").prepend(card.element);
    const pairs = message ? `${message.written} pairs` : "What was recorded until then";
    const dropped = message?.dropped ? ` (${message.dropped} frames left out)` : "";
    if (!highQuality) {
      card.end(`${pairs}${dropped} kept from the live picture.`, { dataset });
      return;
    }
    card.say(`${pairs} kept. Sending the high-quality recording …`);
    card.show(null);
    try {
      const { job } = await highQuality.finish();
      await follow(card, job);
    } catch (error) {
      card.end(`${error.message} The live pairs are kept.`, { bad: true, dataset });
    }
  }

  #setState(state) {
    this.#state = state;
    document.body.dataset.recording = state;
    element("countdown").hidden = state !== "counting";
    element("clock").hidden = state !== "recording" && state !== "stopping";
    element("record").classList.toggle("on", state !== "idle");
    element("record").disabled = state === "stopping";
    element("record-text").textContent =
      { counting: "Cancel", recording: "Stop", stopping: "Stopping …" }[state] ?? "Record";
    if (state === "counting") {
      element("clock-time").textContent = "0:00";
      element("clock-limit").textContent = "";
    }
  }
}
