// A video on the capture page: import it, or play it through as if it were the camera.

import { droppedFiles, importFile, tooLarge } from "./import_file.js";

const element = (id) => document.getElementById(id);

/** `play(file)` streams it over the call; `model()` names the network to import with. */
export class Importing {
  #file = null;

  constructor({ play, model }) {
    element("choose-file").addEventListener("click", () => element("file").click());
    element("stage-file").addEventListener("click", () => element("file").click());
    element("file").addEventListener("change", ({ target }) => {
      const [file] = target.files;
      target.value = "";
      if (file && !tooLarge(file)) this.#ask(file);
    });
    element("file-cancel").addEventListener("click", () => element("file-dialog").close());
    element("file-import").addEventListener("click", () => {
      element("file-dialog").close();
      importFile(this.#file, element("results"), model());
    });
    element("file-play").addEventListener("click", () => {
      element("file-dialog").close();
      play(this.#file);
    });
    droppedFiles(element("drop-veil"), (file) => this.#ask(file));
  }

  #ask(file) {
    this.#file = file;
    element("file-name").textContent = file.name;
    element("file-dialog").showModal();
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
  const [track] = capture.call(video).getVideoTracks();
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
