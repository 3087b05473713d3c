// What can take the camera's place in a call: a video file, or a recording on the server.

import { api, at, wait } from "./api.js";

const AHEAD = 12; // Pictures of a recording that are loaded before they are due.
const LONGEST_STEP = 0.5; // Seconds; where frames were deleted, it goes on sooner.
const LONGEST_SIDE = 1280;
const RATE = 30;

/**
 * A file as a video track that plays in real time. `ended` is called at its end; without it, it
 * plays over and over.
 */
export async function fileTrack(file, ended = null) {
  const video = document.createElement("video");
  const capture = video.captureStream ?? video.mozCaptureStream;
  if (!capture) {
    throw new Error("This browser cannot play a video into a call. Import it instead.");
  }
  video.muted = true;
  video.playsInline = true;
  video.loop = ended === null;
  video.src = URL.createObjectURL(file);
  await new Promise((done, fail) => {
    video.addEventListener("loadeddata", done);
    video.addEventListener("error", () =>
      fail(new Error(`${file.name} cannot be played by this browser. Import it instead.`)),
    );
  });
  const [track] = capture.call(video).getVideoTracks();
  if (!track) throw new Error(`${file.name} holds no picture.`);
  if (ended) video.addEventListener("ended", ended);
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

/**
 * A dataset's frames as a video track, over and over, each at its own time. `failed(sentence)` is
 * called when they stop coming.
 */
export async function recordingTrack(id, failed) {
  const { title, pairs } = await api(`/api/datasets/${id}`);
  if (!pairs.length) throw new Error(`No frames are left in ${title}.`);
  const frames = new Frames(id, pairs);
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { alpha: false });
  const draw = async (place) => {
    const picture = await frames.take(place);
    const scale = Math.min(1, LONGEST_SIDE / Math.max(picture.width, picture.height));
    const [width, height] = [picture.width, picture.height].map((side) => Math.round(side * scale) & ~1);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    context.drawImage(picture, 0, 0, width, height);
    picture.close();
  };
  await draw(0);
  const [track] = canvas.captureStream(RATE).getVideoTracks();
  let stopped = false;
  const play = async () => {
    let due = performance.now();
    for (let place = 0; !stopped; place = (place + 1) % pairs.length) {
      await draw(place);
      const next = pairs[place + 1]?.time_s ?? pairs[place].time_s + 1 / RATE;
      due = Math.max(due, performance.now() - 100) + 1000 * Math.min(next - pairs[place].time_s, LONGEST_STEP);
      await wait(Math.max(0, due - performance.now()));
    }
  };
  return {
    track,
    start: () => {
      play().catch(() => !stopped && failed(`The pictures of ${title} do not come any more.`));
    },
    stop: () => {
      stopped = true;
      track.stop();
    },
  };
}

/** Pictures that are loaded a little before they are wanted. */
class Frames {
  #coming = new Map();

  constructor(id, pairs) {
    this.id = id;
    this.pairs = pairs;
  }

  /** The picture at a place, which is then the caller's to close. */
  take(place) {
    for (let step = 0; step < Math.min(AHEAD, this.pairs.length); step += 1) {
      const ahead = (place + step) % this.pairs.length;
      if (!this.#coming.has(ahead)) this.#coming.set(ahead, this.#load(ahead));
    }
    const picture = this.#coming.get(place);
    this.#coming.delete(place);
    return picture;
  }

  #load(place) {
    const load = async () => {
      const answer = await fetch(at(`/datasets/${this.id}/frames/${this.pairs[place].index}`));
      if (!answer.ok) throw new Error("No such picture.");
      return createImageBitmap(await answer.blob());
    };
    const loading = load();
    loading.catch(() => {}); // Heard where it is taken.
    return loading;
  }
}
