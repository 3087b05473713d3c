// The perform page: choose whose body, dance, be shown as them; films of it.

import { pageData, started } from "./api.js";
import { Bodies } from "./bodies.js";
import { CameraError } from "./camera.js";
import { Filming } from "./filming.js";
import { droppedFiles, tooLarge } from "./import_file.js";
import { recall, remember } from "./memory.js";
import { Microphone } from "./microphone.js";
import { Place } from "./place.js";
import { Session } from "./session.js";
import { ShareDialog } from "./share.js";
import { Sources } from "./sources.js";
import { toast } from "./toasts.js";
import { TooSlow } from "./too_slow.js";

const element = (id) => document.getElementById(id);
const bodies = new Bodies(new URLSearchParams(location.search).get("as"));
const wanted = () => (bodies.chosen ? { view: bodies.chosen.name } : {});
const session = new Session(wanted, { sound: true });

const place = new Place(session);
const tooSlow = new TooSlow(session);
const sources = new Sources(bodies, async (track, kind) => {
  if (!bodies.chosen || pageData.model === null) return; // What is missing is said already.
  if (session.state === "idle") sayOnStage("Connecting …", { busy: true });
  else if (element("stage-retry").hidden === false) sayOnStage("");
  await session.replaceTrack(track);
  session.send("source", { kind });
});
const filming = new Filming(session, bodies, new ShareDialog());

new Microphone(session, element("sound"));

let awake = null;
let dropped = null; // The file that is asked about.

function sayOnStage(sentence, { retry = false, busy = false } = {}) {
  element("stage-message").hidden = sentence === "";
  element("stage-sentence").textContent = sentence;
  element("stage-spinner").hidden = !busy;
  element("stage-retry").hidden = !retry;
}

/** Say something over the picture, until it is said no more. */
function noteOnStage(note) {
  if (element("stage-note").textContent === note) return;
  element("stage-note").hidden = note === "";
  element("stage-note").textContent = note;
}

async function start() {
  if (pageData.model === null) {
    sayOnStage(pageData.model_error);
    return;
  }
  if (!bodies.chosen) {
    sayOnStage("Record somebody first, then dance as them here.");
    return;
  }
  sayOnStage("Asking for your camera …", { busy: true });
  try {
    await sources.begin();
  } catch (error) {
    if (!(error instanceof CameraError)) throw error;
    document.body.dataset.state = "no-camera";
    sayOnStage(`${error.message} Or let a video or a recording dance.`, { retry: true });
  }
}

/** The screen stays on while somebody dances, where the browser can do that. */
async function stayAwake() {
  if (document.hidden || awake || !("wakeLock" in navigator)) return;
  awake = await navigator.wakeLock.request("screen").catch(() => null);
  awake?.addEventListener("release", () => (awake = null));
}

function askAbout(file) {
  dropped = file;
  element("file-name").textContent = file.name;
  if (!element("file-dialog").open) element("file-dialog").showModal();
}

function placeSelf(where) {
  element("hall").dataset.self = where;
  for (const radio of document.querySelectorAll("input[name=self]")) radio.checked = radio.value === where;
  remember("self", where);
}

function mirror(on) {
  element("mirror").checked = on;
  element("hall").classList.toggle("hall-mirrored", on);
  remember("perform-mirror", on ? "yes" : "no");
  place.mirrored = on;
}

function toggleFull() {
  if (document.fullscreenElement) document.exitFullscreen();
  else element("hall").requestFullscreen?.().catch(() => toast("This browser shows no full screen here."));
}

const onMessage = {
  hello: () => {
    filming.begin();
    place.send();
  },
  calibrated: (message) => place.fitted(message),
  state: (message) => {
    place.show(message);
    tooSlow.show(message);
    filming.show(message);
    noteOnStage(session.state === "live" ? session.stalled || message.note : "");
  },
  hands_up: () => filming.handsUp(),
  filmed: (message) => filming.filmed(message),
  error: (message) => {
    filming.failed();
    place.failed();
    if (message.code !== "closed") toast(message.message, "bad");
  },
};

session.addEventListener("message", ({ detail }) => onMessage[detail.type]?.(detail));
session.addEventListener("stalled", ({ detail: sentence }) => noteOnStage(sentence));
session.addEventListener("picture", ({ detail }) => (element("live").srcObject = detail));
session.addEventListener("state", ({ detail: { state, sentence } }) => {
  const hasPicture = element("live").readyState >= 2;
  if (state === "live") stayAwake();
  else {
    filming.show(null);
    place.show(null);
    tooSlow.show(null);
  }
  if (state === "connecting") sayOnStage("Connecting …", { busy: true });
  else if (state === "full") sayOnStage(`${sentence} I try again by myself.`, { busy: true });
  else if (state === "failed") sayOnStage(sentence, { retry: true });
  else if (state === "reconnecting" && !hasPicture) sayOnStage(sentence, { busy: true });
});
element("live").addEventListener("playing", () => {
  if (["connecting", "live"].includes(session.state)) sayOnStage("");
});
element("live").addEventListener("resize", ({ target }) => {
  element("hall").style.setProperty("--aspect", target.videoWidth / target.videoHeight);
});
bodies.addEventListener("chosen", ({ detail }) => {
  if (!detail) return;
  history.replaceState(null, "", `?as=${encodeURIComponent(detail.name)}`);
  if (session.state === "idle") start();
  else session.send("settings", { view: detail.name });
  place.choose(detail);
});
document.addEventListener("visibilitychange", stayAwake);
element("full").addEventListener("click", toggleFull);
element("stage-retry").addEventListener("click", start);
element("mirror").addEventListener("change", ({ target }) => mirror(target.checked));
for (const radio of document.querySelectorAll("input[name=self]")) {
  radio.addEventListener("change", () => placeSelf(radio.value));
}
element("choose-file").addEventListener("click", () => element("file").click());
element("file").addEventListener("change", ({ target }) => {
  const [file] = target.files;
  target.value = "";
  if (file) askAbout(file);
});
droppedFiles(element("drop-veil"), askAbout);
element("file-cancel").addEventListener("click", () => element("file-dialog").close());
element("file-film").addEventListener("click", () => {
  element("file-dialog").close();
  if (!tooLarge(dropped)) filming.rendition(dropped);
});
element("file-play").addEventListener("click", () => {
  element("file-dialog").close();
  sources.play(dropped);
});
addEventListener("keydown", (event) => {
  if (event.target.closest?.("input, select, textarea, dialog") || event.repeat || event.ctrlKey || event.metaKey) return;
  if (event.key === "f" || event.key === "F") toggleFull();
});

placeSelf(recall("self") ?? "corner");
mirror(recall("perform-mirror") !== "no");
if (bodies.chosen) place.choose(bodies.chosen);
started();
start();
