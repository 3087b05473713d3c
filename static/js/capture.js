// The capture page: camera → server → masks, and everything around the picture.

import { api, pageData, started } from "./api.js";
import { CameraError, listCameras, openCamera } from "./camera.js";
import { Figures } from "./figures.js";
import { Guide } from "./guide.js";
import { Importing } from "./importing.js";
import { fileTrack } from "./moving_tracks.js";
import { Recording } from "./recording.js";
import { Session } from "./session.js";
import { Settings } from "./settings.js";
import { toast } from "./toasts.js";
import { Wanted } from "./wanted.js";

const element = (id) => document.getElementById(id);
const SLOW_MS = 4000;

const settings = new Settings();
const session = new Session(() => settings.forServer());
const guide = new Guide();
const wanted = new Wanted();
const figures = new Figures(session);
const recording = new Recording(session, () => (playing ? null : camera), wanted);
const importing = new Importing({ play, model: () => settings.get("model") });

let camera = null;
let playing = null;
let saidSocket = false;

/** Say something where the picture will be; with `actions`, what can be done about it. */
function sayOnStage(sentence, { retry = false, file = false, busy = false } = {}) {
  element("stage-message").hidden = sentence === "";
  element("stage-sentence").textContent = sentence;
  element("stage-spinner").hidden = !busy;
  element("stage-retry").hidden = !retry;
  element("stage-file").hidden = !file;
}

/** Say something over the picture; it goes away by itself or with "". */
function noteOnStage(sentence) {
  if (element("stage-note").textContent === sentence) return;
  element("stage-note").hidden = sentence === "";
  element("stage-note").textContent = sentence;
}

async function useCamera() {
  sayOnStage("Asking for your camera …", { busy: true });
  const slow = setTimeout(
    () => sayOnStage("Waiting for your camera: does the browser ask you to allow it?", { busy: true }),
    SLOW_MS,
  );
  try {
    const wanted = { deviceId: settings.get("camera"), resolution: settings.get("resolution") };
    const stream = await openCamera(wanted);
    camera?.getTracks().forEach((track) => track.stop());
    camera = stream;
    const [track] = stream.getVideoTracks();
    track.addEventListener("ended", () => {
      if (camera === stream) sayOnStage("The camera was unplugged.", { retry: true, file: true });
    });
    settings.showCameras(await listCameras(), track.getSettings().deviceId);
    return track;
  } catch (error) {
    const known = error instanceof CameraError;
    document.body.dataset.state = "no-camera";
    sayOnStage(known ? error.message : `The camera could not be used: ${error.message}`, {
      retry: true,
      file: true,
    });
    return null;
  } finally {
    clearTimeout(slow);
  }
}

async function start() {
  if (pageData.model === null) {
    document.body.dataset.state = "no-model";
    sayOnStage(pageData.model_error);
    return;
  }
  const track = await useCamera();
  if (!track) return;
  sayOnStage("Connecting …", { busy: true });
  await session.connect(track);
}

/** Send this picture from now on. */
async function send(track, kind) {
  recording.pictureChanged();
  await session.replaceTrack(track);
  session.send("source", { kind });
}

/** Another camera or resolution, without interrupting what comes back. */
async function switchCamera() {
  if (playing) return;
  const before = element("stage-message").hidden;
  const track = await useCamera();
  if (track) {
    if (before) sayOnStage("");
    await send(track, "camera");
  }
}

/** Stream a file as if it were the camera. */
async function play(file) {
  try {
    const source = await fileTrack(file, () => {
      toast(`${file.name} was played through.`, "good");
      backToCamera();
    });
    stopPlaying();
    playing = { ...source, name: file.name };
    await send(source.track, "file");
    await source.start();
    element("stage").classList.add("from-file");
    element("stop-file").hidden = false;
  } catch (error) {
    toast(error.message, "bad");
  }
}

function stopPlaying() {
  playing?.stop();
  playing = null;
  element("stage").classList.remove("from-file");
  element("stop-file").hidden = true;
}

async function backToCamera() {
  stopPlaying();
  noteOnStage("");
  const [track] = camera?.getVideoTracks() ?? [];
  if (track) await send(track, "camera");
  else sayOnStage("The video is over, and there is no camera.", { retry: true, file: true });
}

const onMessage = {
  hello: () => recording.sendGesture(),
  settings: (message) => settings.confirm(message),
  state: (message) => {
    wanted.show(message);
    guide.show(message, wanted.near);
    figures.show(message.stats);
    recording.show(message.recording);
    const next = playing ? `Playing ${playing.name}` : wanted.next;
    const said = session.stalled || message.note || next || message.behind;
    if (session.state === "live") noteOnStage(said);
  },
  hands_up: () => recording.begin(),
  recording: (message) => recording.started(message.dataset),
  recorded: (message) => recording.ended(message),
  error: (message) => {
    if (message.code !== "closed") toast(message.message, "bad");
  },
};

session.addEventListener("message", ({ detail }) => onMessage[detail.type]?.(detail));
session.addEventListener("stalled", ({ detail: sentence }) => {
  element("stage").classList.toggle("stale", sentence !== "");
  noteOnStage(sentence);
});
session.addEventListener("picture", ({ detail }) => {
  element("live").srcObject = detail;
});
session.addEventListener("state", ({ detail: { state, sentence } }) => {
  const hasPicture = element("live").readyState >= 2;
  recording.setLive(state === "live", state === "reconnecting");
  element("stage").classList.toggle("stale", state === "reconnecting");
  noteOnStage(state === "reconnecting" && hasPicture ? sentence : "");
  if (state === "live" && session.overSocket && !saidSocket) {
    saidSocket = true;
    toast("This network keeps UDP out: the picture comes another way (WebSocket), a little later.");
  }
  if (state === "connecting") sayOnStage("Connecting …", { busy: true });
  else if (state === "full") sayOnStage(`${sentence} I try again by myself.`, { busy: true });
  else if (state === "failed") sayOnStage(sentence, { retry: true, file: true });
  else if (state === "reconnecting" && !hasPicture) sayOnStage(sentence, { busy: true });
});
element("live").addEventListener("playing", () => {
  if (session.state === "connecting" || session.state === "live") sayOnStage("");
});
element("live").addEventListener("resize", ({ target }) => {
  element("stage").style.setProperty("--aspect", target.videoWidth / target.videoHeight);
});

document.addEventListener("dataset", () => {
  // Without an answer the list stays as it is.
  api("/api/performers").then((found) => settings.showPerformers(found), () => {});
});
settings.addEventListener("server", ({ detail }) => session.send("settings", detail));
settings.addEventListener("camera", switchCamera);
element("stage-retry").addEventListener("click", start);
element("stop-file").addEventListener("click", backToCamera);
element("stats-toggle").addEventListener("click", () => figures.toggle());
navigator.mediaDevices?.addEventListener?.("devicechange", async () => {
  const [track] = camera?.getVideoTracks() ?? [];
  settings.showCameras(await listCameras(), track?.getSettings().deviceId);
});

addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input:not([type=radio]):not([type=checkbox]), select, textarea, dialog");
  if (typing || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  const view = pageData.views[Number(event.key) - 1];
  if (view) settings.choose("view", view.name);
  else if (event.key === "r" || event.key === "R") recording.toggle();
  else if (event.key === " " && event.target === document.body) {
    event.preventDefault(); // Else the page scrolls.
    recording.toggle();
  } else if (event.key === "s" || event.key === "S") figures.toggle();
  else if (event.key === "m" || event.key === "M") settings.choose("mirror", !settings.get("mirror"));
});

if (matchMedia("(max-width: 720px)").matches) element("settings").open = false;
started();
start();
export { importing };
