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
