// The microphone's sound in films: asked for only when it is wanted, and given back when not.

import { toast } from "./toasts.js";

const SENTENCES = {
  NotAllowedError: "The microphone is blocked: films are silent. Allow it beside the address and tick again.",
  NotFoundError: "No microphone was found: films are silent.",
  NotReadableError: "Another program is using the microphone: films are silent.",
};

export class Microphone {
  #session;
  #box;
  #stream = null;

  /** `box`: the tick box that says whether it is wanted. */
  constructor(session, box) {
    this.#session = session;
    this.#box = box;
    box.addEventListener("change", () => (box.checked ? this.#begin() : this.#end()));
    session.addEventListener("state", ({ detail: { state } }) => {
      if (state === "live" && box.checked) this.#sayWhetherItGoes();
    });
  }

  async #begin() {
    this.#box.disabled = true;
    try {
      // As it sounds in the room: music is not taken for noise.
      const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: true };
      this.#stream = await navigator.mediaDevices.getUserMedia({ audio, video: false });
      const [track] = this.#stream.getAudioTracks();
      track.addEventListener("ended", () => {
        if (this.#box.checked) toast("The microphone was unplugged: films are silent.", "bad");
        this.#end();
      });
      await this.#session.setSound(track);
      this.#sayWhetherItGoes();
    } catch (error) {
      this.#end();
      toast(SENTENCES[error.name] ?? `The microphone could not be used (${error.name}): films are silent.`, "bad");
    } finally {
      this.#box.disabled = false;
    }
  }

  #end() {
    this.#box.checked = false;
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
    this.#session.setSound(null);
  }

  #sayWhetherItGoes() {
    if (!this.#session.overSocket) return;
    this.#end();
    toast("This network keeps UDP out, and only the picture gets through: films are silent.", "bad");
  }
}
