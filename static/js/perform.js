// The perform page: choose whose body, dance, be shown as them; films of it.

import { api, at, pageData, started } from "./api.js";
import { Bodies } from "./bodies.js";
import { CameraError, listCameras, openCamera } from "./camera.js";
import { droppedFiles, tooLarge } from "./import_file.js";
import { follow, JobCard } from "./jobs.js";
import { link, make } from "./make.js";
import { recall, remember } from "./memory.js";
import { Session } from "./session.js";
import { ShareDialog } from "./share.js";
import { toast } from "./toasts.js";
import { upload } from "./upload.js";

const element = (id) => document.getElementById(id);
const sharing = new ShareDialog();
const bodies = new Bodies(new URLSearchParams(location.search).get("as"));
const session = new Session(() => (bodies.chosen ? { view: bodies.chosen.name } : {}));

let camera = null;
let filming = false;
let awake = null;

function sayOnStage(sentence, { retry = false, busy = false } = {}) {
  element("stage-message").hidden = sentence === "";
  element("stage-sentence").textContent = sentence;
  element("stage-spinner").hidden = !busy;
  element("stage-retry").hidden = !retry;
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
  const track = await useCamera();
  if (!track) return;
  sayOnStage("Connecting …", { busy: true });
  await session.connect(track);
}

async function useCamera() {
  sayOnStage("Asking for your camera …", { busy: true });
  try {
    const stream = await openCamera({ deviceId: recall("camera") ?? "", resolution: "640x480" });
    camera?.getTracks().forEach((track) => track.stop());
    camera = stream;
    element("self").srcObject = stream;
    const [track] = stream.getVideoTracks();
    const cameras = await listCameras();
    element("camera").replaceChildren(...cameras.map(({ id, name }) => new Option(name, id)));
    element("camera").value = track.getSettings().deviceId;
    element("camera").disabled = cameras.length < 2;
    return track;
  } catch (error) {
    if (!(error instanceof CameraError)) throw error;
    document.body.dataset.state = "no-camera";
    sayOnStage(error.message, { retry: true });
    return null;
  }
}

/** The screen stays on while somebody dances, where the browser can do that. */
async function stayAwake() {
  if (document.hidden || awake || !("wakeLock" in navigator)) return;
  awake = await navigator.wakeLock.request("screen").catch(() => null);
  awake?.addEventListener("release", () => (awake = null));
}

const order = (action) =>
  session.send("film", {
    action,
    title: `Danced as ${bodies.chosen?.title ?? "somebody"}`.slice(0, 100),
    beside: element("beside").checked,
  });

function toggleFilm() {
  if (!order(filming ? "end" : "begin")) {
    toast("There is no connection to record on; wait a moment.", "bad");
    return;
  }
  element("film").disabled = true;
}

function showFilm({ seconds, moment }) {
  filming = seconds !== null;
  element("film").disabled = session.state !== "live";
  element("film").classList.toggle("on", filming);
  element("film-text").textContent = filming ? "Stop the film" : "Record a film";
  element("clock").hidden = !filming;
  element("clock-time").textContent = `${Math.floor((seconds ?? 0) / 60)}:${String(Math.floor((seconds ?? 0) % 60)).padStart(2, "0")}`;
  element("moment").disabled = moment < 1 || filming;
  element("moment").title = `Keeps the last ${Math.round(moment)} seconds.`;
  if (filming && seconds >= pageData.limits.recording_seconds) order("end");
}

/** A film that is there: look, share, download. */
function filmed({ film, title, dropped }) {
  const card = make("article", "card film-done");
  const video = make("video");
  video.src = at(`/films/${film}/film.mp4`);
  video.poster = at(`/films/${film}/poster.jpg`);
  video.controls = video.playsInline = video.loop = true;
  video.preload = "none";
  video.setAttribute("aria-label", title);
  const share = make("button", "button button-small button-primary", "Share");
  share.type = "button";
  share.addEventListener("click", () => sharing.open("film", film, title));
  const download = link(at(`/films/${film}/film.mp4`), "button button-small", "Download");
  download.download = `${title}.mp4`;
  const actions = make("div", "job-actions");
  actions.append(share, download, link(at("/films"), "button button-small button-quiet", "All films"));
  card.append(video, make("h3", "job-title", title));
  if (dropped) card.append(make("p", "small soft", `${dropped} pictures are left out: the machine could not keep up.`));
  card.append(actions);
  element("results").hidden = false;
  element("results").prepend(card);
  card.scrollIntoView({ block: "nearest" });
}

/** A video goes there and comes back as a film of whoever is chosen. */
async function rendition(file) {
  if (!bodies.chosen) {
    toast("Record somebody first: then a video can show them.", "bad");
    return;
  }
  const card = new JobCard(`${file.name} as ${bodies.chosen.title}`);
  card.working = "Dancing";
  element("results").hidden = false;
  element("results").prepend(card.element);
  const stop = new AbortController();
  card.cancel.onclick = () => stop.abort();
  const before = new Set((await api("/api/films")).map(({ id }) => id));
  try {
    const { job } = await upload(file, {
      purpose: "rendition",
      performer: bodies.chosen.name,
      signal: stop.signal,
      onProgress: (received, size) => {
        card.say(`Uploading: ${Math.round((100 * received) / size)} %`);
        card.show(received / size);
      },
    });
    const ended = await follow(card, job);
    const made = (await api("/api/films")).find(({ id, kind }) => kind === "rendition" && !before.has(id));
    if (ended?.state === "done" && made) {
      card.element.remove();
      filmed({ film: made.id, title: made.title, dropped: 0 });
    }
  } catch (error) {
    const cancelled = error.name === "AbortError";
    card.end(cancelled ? "Cancelled: nothing was kept." : error.message, { bad: !cancelled });
  }
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
}

function toggleFull() {
  if (document.fullscreenElement) document.exitFullscreen();
  else element("hall").requestFullscreen?.().catch(() => toast("This browser shows no full screen here."));
}

const onMessage = {
  state: (message) => {
    showFilm(message.film);
    const note = session.state === "live" ? message.note : "";
    if (element("stage-note").textContent !== note) {
      element("stage-note").hidden = note === "";
      element("stage-note").textContent = note;
    }
  },
  filmed,
  error: (message) => {
    if (message.code !== "closed") toast(message.message, "bad");
  },
};

session.addEventListener("message", ({ detail }) => onMessage[detail.type]?.(detail));
session.addEventListener("picture", ({ detail }) => (element("live").srcObject = detail));
session.addEventListener("state", ({ detail: { state, sentence } }) => {
  const hasPicture = element("live").readyState >= 2;
  if (state === "live") stayAwake();
  else showFilm({ seconds: null, moment: 0 });
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
});
document.addEventListener("visibilitychange", stayAwake);
element("film").addEventListener("click", toggleFilm);
element("moment").addEventListener("click", () => {
  if (order("moment")) toast("Keeping it …");
});
element("moment").hidden = pageData.moment_seconds <= 0;
element("beside").addEventListener("change", () => order("beside"));
element("full").addEventListener("click", toggleFull);
element("stage-retry").addEventListener("click", start);
element("camera").addEventListener("change", async ({ target }) => {
  remember("camera", target.value);
  const track = await useCamera();
  sayOnStage("");
  if (track) {
    await session.replaceTrack(track);
    session.send("source", { kind: "camera" });
  }
});
element("mirror").addEventListener("change", ({ target }) => mirror(target.checked));
for (const radio of document.querySelectorAll("input[name=self]")) {
  radio.addEventListener("change", () => placeSelf(radio.value));
}
element("choose-file").addEventListener("click", () => element("file").click());
element("file").addEventListener("change", ({ target }) => {
  const [file] = target.files;
  target.value = "";
  if (file && !tooLarge(file)) rendition(file);
});
droppedFiles(element("drop-veil"), rendition);
addEventListener("keydown", (event) => {
  if (event.target.closest?.("input, select, textarea, dialog") || event.repeat || event.ctrlKey || event.metaKey) return;
  if (event.key === "f" || event.key === "F") toggleFull();
});

placeSelf(recall("self") ?? "corner");
mirror(recall("perform-mirror") !== "no");
started();
start();
