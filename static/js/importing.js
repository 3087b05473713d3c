// A video dropped on the page: import it, or play it through as if it were the camera.

import { pageData } from "./api.js";
import { follow, JobCard, duration } from "./jobs.js";
import { toast } from "./toasts.js";
import { upload } from "./upload.js";

const element = (id) => document.getElementById(id);

/** `play(file)` streams it over the call; `model()` names the network to import with. */
export class Importing {
  #file = null;

  constructor({ play, model }) {
    this.play = play;
    this.model = model;
    element("choose-file").addEventListener("click", () => element("file").click());
    element("stage-file").addEventListener("click", () => element("file").click());
    element("file").addEventListener("change", (event) => {
      const [file] = event.target.files;
      event.target.value = "";
      if (file) this.#ask(file);
    });
    element("file-cancel").addEventListener("click", () => element("file-dialog").close());
    element("file-import").addEventListener("click", () => {
      element("file-dialog").close();
      this.import(this.#file);
    });
    element("file-play").addEventListener("click", () => {
      element("file-dialog").close();
      this.play(this.#file);
    });
    this.#acceptDrops();
  }

  #acceptDrops() {
    let depth = 0;
    const veil = element("drop-veil");
    const withFile = (event) => event.dataTransfer?.types.includes("Files");
    addEventListener("dragenter", (event) => {
      if (!withFile(event)) return;
      depth += 1;
      veil.hidden = false;
    });
    addEventListener("dragleave", (event) => {
      if (withFile(event) && (depth -= 1) <= 0) veil.hidden = true;
    });
    addEventListener("dragover", (event) => event.preventDefault());
    addEventListener("drop", (event) => {
      event.preventDefault();
      depth = 0;
      veil.hidden = true;
      const [file] = event.dataTransfer?.files ?? [];
      if (file) this.#ask(file);
    });
  }

  #ask(file) {
    this.#file = file;
    if (file.size > pageData.limits.upload_bytes) {
      const most = Math.round(pageData.limits.upload_bytes / 1e6);
      toast(`${file.name} is larger than the ${most} MB this server takes: shorten it.`, "bad");
      return;
    }
    element("file-name").textContent = file.name;
    element("file-dialog").showModal();
  }

  /** Upload and have every frame analysed; shown as a card. */
  async import(file) {
    const card = new JobCard(file.name);
    element("results").hidden = false;
    element("results").prepend(card.element);
    card.element.scrollIntoView({ block: "nearest" });
    const stop = new AbortController();
    card.cancel.onclick = () => stop.abort();
    const began = performance.now();
    const onProgress = (received, size) => {
      const seconds = (performance.now() - began) / 1000;
      const left = (seconds * (size - received)) / Math.max(received, 1);
      const share = Math.round((received / size) * 100);
      card.say(`Uploading: ${share} %${received < size ? `, ${duration(left)} left` : ""}`);
      card.show(received / size);
    };
    card.say("Uploading …");
    card.show(0);
    try {
      const model = this.model();
      const { job } = await upload(file, { purpose: "import", model, onProgress, signal: stop.signal });
      await follow(card, job);
    } catch (error) {
      const cancelled = error.name === "AbortError";
      card.end(cancelled ? "Cancelled: nothing was kept." : error.message, { bad: !cancelled });
    }
  }
}

/** A file as a video track that plays in real time; `ended` is called at its end. */
export async function fileTrack(file, ended) {
  const video = document.createElement("video");
  const capture = video.captureStream ?? video.mozCaptureStream;
  if (!capture) {
    throw new Error("This browser cannot play a video into a call. Import it instead.");
  }
  video.muted = true;
  video.playsInline = true;
  video.src = URL.createObjectURL(file);
  await new Promise((done, fail) => {
    video.addEventListener("loadeddata", done);
    video.addEventListener("error", () =>
      fail(new Error(`${file.name} cannot be played by this browser. Import it instead.`)),
    );
  });
  const stream = capture.call(video);
  const [track] = stream.getVideoTracks();
  if (!track) throw new Error(`${file.name} holds no picture.`);
  video.addEventListener("ended", ended);
  return {
    track,
    start: () => video.play(),
    stop: () => {
      video.pause();
      track.stop();
      URL.revokeObjectURL(video.src);
    },
  };
}
