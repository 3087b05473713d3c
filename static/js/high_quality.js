// MediaRecorder beside the call: chunks are uploaded while the dance goes on.

import { Upload } from "./upload.js";

const TYPES = [
  "video/mp4;codecs=avc1.42E01F",
  "video/mp4",
  "video/webm;codecs=vp9",
  "video/webm;codecs=vp8",
  "video/webm",
];
const BITS_PER_SECOND = 10_000_000;
const SLICE_MS = 1000;

/** The best type this browser records, or null. */
export function recordingType() {
  if (!("MediaRecorder" in window)) return null;
  return TYPES.find((type) => MediaRecorder.isTypeSupported(type)) ?? null;
}

/** One recording on its way. */
export class HighQuality {
  #recorder;
  #upload;
  #queue = Promise.resolve();
  #failed = null;

  /** Record `stream` into `dataset`, whose video the server awaits. */
  constructor(stream, dataset) {
    const mimeType = recordingType();
    this.#recorder = new MediaRecorder(stream, { mimeType, videoBitsPerSecond: BITS_PER_SECOND });
    const name = `recording.${mimeType.includes("mp4") ? "mp4" : "webm"}`;
    this.#upload = Upload.begin({ name, purpose: "recording", dataset });
    this.#upload.catch((error) => (this.#failed = error));
    this.#recorder.addEventListener("dataavailable", ({ data }) => {
      if (data.size) this.#send(data);
    });
    this.#recorder.start(SLICE_MS);
  }

  #send(data) {
    this.#queue = this.#queue.then(async () => {
      if (this.#failed) return;
      try {
        await (await this.#upload).append(data);
      } catch (error) {
        this.#failed = error;
      }
    });
  }

  /** Another picture is recorded from now on, which this video does not show: it is not used. */
  giveUp() {
    this.#failed ??= new Error(
      "The picture was switched while recording, so the high-quality video is not complete.",
    );
    if (this.#recorder.state !== "inactive") this.#recorder.stop();
  }

  /** Stop, send what is left; the job that analyses it. Throws when the upload failed. */
  async finish() {
    if (this.#recorder.state !== "inactive") {
      const stopped = new Promise((done) => this.#recorder.addEventListener("stop", done));
      this.#recorder.stop();
      await stopped;
    }
    await this.#queue;
    if (this.#failed) {
      this.#upload.then((one) => one.discard()).catch(() => {});
      throw this.#failed;
    }
    return (await this.#upload).finish();
  }
}
