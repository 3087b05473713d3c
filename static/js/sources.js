// Who dances: a camera, a video file, or somebody's recording; the picture never pauses between them.

import { listCameras, openCamera } from "./camera.js";
import { recall, remember } from "./memory.js";
import { fileTrack, recordingTrack } from "./moving_tracks.js";
import { toast } from "./toasts.js";

const RESOLUTION = "640x480";
const element = (id) => document.getElementById(id);

export class Sources {
  #send;
  #now = null; // {track, start, stop}
  #value = ""; // Of the list.
  #cameras = [];
  #file = ""; // Name of the file that plays.
  #turn = 0;
  #bodies;

  /** `send(track, kind)` sends this track from now on; kind: "camera" or "file". */
  constructor(bodies, send) {
    [this.#bodies, this.#send] = [bodies, send];
    bodies.addEventListener("listed", () => this.#list());
    element("source").addEventListener("change", ({ target }) => this.#choose(target.value));
    navigator.mediaDevices?.addEventListener?.("devicechange", () => this.#findCameras());
    this.#list();
  }

  /** Begin with the camera that was used last. Throws `CameraError`. */
  async begin() {
    await this.#useCamera(recall("camera") ?? "");
  }

  /** A file dances, over and over. */
  async play(file) {
    await this.#switch(async () => {
      const made = await fileTrack(file);
      this.#file = file.name;
      return [made, "file"];
    });
  }

  async #choose(value) {
    const [kind, id] = [value.slice(0, value.indexOf(":")), value.slice(value.indexOf(":") + 1)];
    if (kind === "camera") await this.#switch(() => this.#useCamera(id));
    else if (kind === "recording") {
      await this.#switch(async () => [await recordingTrack(id, (why) => toast(why, "bad")), value]);
    }
  }

  /** What cannot be used is said, and what there was goes on. */
  async #switch(make) {
    const turn = (this.#turn += 1);
    try {
      const made = await make();
      if (!made) return;
      if (turn === this.#turn) await this.#use(...made, "file");
      else made[0].stop(); // Something else was chosen meanwhile.
    } catch (error) {
      toast(error.message, "bad");
    } finally {
      this.#list();
    }
  }

  async #useCamera(deviceId) {
    const turn = (this.#turn += 1);
    const stream = await openCamera({ deviceId, resolution: RESOLUTION });
    const [track] = stream.getVideoTracks();
    if (turn !== this.#turn) {
      track.stop();
      return;
    }
    track.addEventListener("ended", () => {
      if (this.#now?.track === track) toast("The camera was unplugged: choose another one.", "bad");
    });
    const id = track.getSettings().deviceId ?? "";
    remember("camera", id);
    await this.#use({ track, start: () => {}, stop: () => track.stop() }, `camera:${id}`, "camera");
    await this.#findCameras();
  }

  async #use(made, value, kind) {
    const before = this.#now;
    this.#now = made;
    this.#value = value;
    element("self").srcObject = new MediaStream([made.track]);
    delete element("self").dataset.empty;
    await this.#send(made.track, kind);
    before?.stop();
    await made.start();
  }

  async #findCameras() {
    this.#cameras = await listCameras();
    this.#list();
  }

  #list() {
    const cameras = this.#cameras.map(({ id, name }) => [`camera:${id}`, name]);
    const groups = [
      ["Cameras", cameras.length ? cameras : [["camera:", "The camera"]]],
      ["Recordings", this.#bodies.recordings.map(([id, title]) => [`recording:${id}`, title])],
      ["Video", this.#file ? [["file", this.#file]] : []],
    ];
    element("source").replaceChildren(
      ...groups.filter(([, options]) => options.length).map(([label, options]) => {
        const group = document.createElement("optgroup");
        group.label = label;
        group.append(...options.map(([value, text]) => new Option(text, value)));
        return group;
      }),
    );
    element("source").value = this.#value;
  }
}
