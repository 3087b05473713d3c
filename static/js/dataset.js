// One dataset: look through it, throw bad frames out, rename, download, delete.

import { api, at, pageData, started, wait } from "./api.js";
import { confirmed } from "./confirm.js";
import { showFacts } from "./facts.js";
import { follow, JobCard } from "./jobs.js";
import { showLacking } from "./lacking.js";
import { listenToLayers, showPlaying } from "./layers.js";
import { Player } from "./player.js";
import { Selection } from "./selection.js";
import { ShareDialog } from "./share.js";
import { Strip } from "./strip.js";
import { toast } from "./toasts.js";
import { TrainChoice } from "./train_choice.js";
import { clock, counted, FLAGS, remarks } from "./wording.js";

const element = (id) => document.getElementById(id);
const base = `/datasets/${pageData.id}`;
const SMALL = 160;
const POLL_MS = 2000;
const ABOUT = {
  native: "Everything as it lies on disk: frames, label maps, poses.",
  pix2pix: "Mask and frame side by side, for pytorch-CycleGAN-and-pix2pix.",
  pix2pixhd: "train_label and train_img, for pix2pixHD.",
  coco: "Key points and run-length masks, for detectors.",
  "yolo-pose": "Key points as text files, for YOLO.",
  webdataset: "Tar shards, for streaming while training.",
};

let manifest = null;
let pairs = [];

const player = new Player({
  frame: element("frame"),
  mask: element("mask"),
  limbs: pageData.limbs,
  urls: (index) => [at(`${base}/frames/${index}`), at(`${base}/parts/${index}`)],
  changed: showPlace,
  failed: () => toast("A picture did not come: is the server still running?", "bad"),
});
const selection = new Selection(showSelection);
const sharing = new ShareDialog();
const training = new TrainChoice(pageData.id);
const strip = new Strip({
  outer: element("strip"),
  inner: element("strip-inner"),
  urls: (index) =>
    ["frames", "parts"].map((kind) => at(`${base}/${kind}/${index}?width=${SMALL}`)),
  opened: (place) => {
    player.pause();
    player.show(place);
  },
  selection,
});

async function load() {
  const data = await api(`/api${base}`);
  ({ pairs } = data);
  manifest = data;
  const { width, height } = data.frame;
  element("screens").style.setProperty("--aspect", width ? width / height : 4 / 3);
  element("loading").textContent = pairs.length ? "" : "No frames are left in this dataset.";
  element("loading").hidden = pairs.length > 0;
  for (const id of ["review", "frames"]) element(id).hidden = pairs.length === 0;
  selection.setPairs(pairs);
  strip.setPairs(pairs, width ? height / width : 0.75);
  element("scrub").max = Math.max(pairs.length - 1, 0);
  player.setPairs(pairs, width, height);
  showTitle();
  showFacts(manifest, pairs);
  showFlags();
  showBusy(data.job !== null || data.state === "recording");
}

/** While somebody still writes it: say how far that is, and show the result when it is there. */
async function watch() {
  while (manifest.job !== null || manifest.state === "recording") {
    if (manifest.job !== null) await watchJob(manifest.job);
    else await watchRecording();
    await load();
  }
}

async function watchJob(id) {
  const job = await api(`/api/jobs/${id}`);
  element("busy-sentence").textContent =
    job.kind === "recording"
      ? "The high-quality recording is being analysed; until it is done, these are the pairs of the live picture."
      : "This dataset is still being made; shown is what was there when the page was opened.";
  const card = new JobCard(job.title);
  element("busy").append(card.element);
  const over = await follow(card, id);
  card.element.remove();
  if (over && over.state !== "done") toast(over.message, over.state === "failed" ? "bad" : "");
}

async function watchRecording() {
  for (;;) {
    const one = (await api("/api/datasets")).find(({ id }) => id === pageData.id);
    if (one?.state !== "recording") return;
    element("busy-sentence").textContent = `This dataset is being recorded: ${counted(one.pairs, "pair")} so far.`;
    await wait(POLL_MS);
  }
}

function showBusy(busy) {
  element("busy").hidden = !busy;
  element("download").inert = busy || !pairs.length;
  element("title").readOnly = busy;
  for (const id of ["mend", "mend-here"]) element(id).hidden = busy || !pairs.length;
  showLacking(pageData.id, busy || !pairs.length);
  for (const id of ["train", "share", "delete-dataset", "delete-frames"]) element(id).disabled = busy;
}

function showTitle() {
  const title = element("title");
  if (document.activeElement !== title) title.value = manifest.title;
  element("heading").textContent = manifest.title;
  document.title = `${manifest.title} · Understudy`;
}

function showFlags() {
  const buttons = Object.keys(FLAGS).flatMap((flag) => {
    const number = pairs.filter((pair) => pair.flags.includes(flag)).length;
    if (!number) return [];
    const button = document.createElement("button");
    button.type = "button";
    button.className = "chip chip-warn chip-button";
    button.dataset.flag = flag;
    button.textContent = `${FLAGS[flag]} ${number.toLocaleString("en")}`;
    button.title = `Select all frames flagged “${FLAGS[flag]}”`;
    button.addEventListener("click", () => selection.toggleFlag(flag));
    return [button];
  });
  element("flag-filters").replaceChildren(...buttons);
  element("flag-filters").hidden = !buttons.length;
  showSelection();
}

function showPlace(place) {
  const pair = pairs[place];
  if (!pair) return;
  element("scrub").value = place;
  element("scrub").setAttribute("aria-valuetext", `Frame ${pair.index}, ${clock(pair.time_s)}`);
  element("mend-here").hash = pair.index;
  element("where").textContent = `${place + 1} / ${pairs.length} · ${clock(pair.time_s)}`;
  showPlaying(player);
  element("frame-flags").replaceChildren(
    ...remarks(pair).map((remark) => {
      const chip = document.createElement("span");
      chip.className = "chip chip-warn";
      chip.textContent = remark;
      return chip;
    }),
  );
  strip.setCurrent(place, player.playing);
}

function showSelection() {
  element("selection").hidden = selection.size === 0;
  element("selected").textContent = `${counted(selection.size, "frame")} selected`;
  for (const button of element("flag-filters").children) {
    button.setAttribute("aria-pressed", selection.hasFlag(button.dataset.flag));
  }
  extending(false);
  strip.mark();
}

function extending(on) {
  strip.extending = on;
  element("extend").setAttribute("aria-pressed", on);
  element("extend").textContent = on ? "Tap its end" : "Range";
}

async function deleteSelected() {
  const { indices } = selection;
  if (!indices.length || element("delete-frames").disabled) return;
  player.pause();
  const what = counted(indices.length, "frame");
  const left = counted(pairs.length - indices.length, "frame");
  const text = `Their pictures, masks and poses are gone for good; ${left} will be left.`;
  if (!(await confirmed(`Delete ${what}?`, text))) return;
  await tried(async () => {
    await api(`/api${base}/delete-frames`, { method: "POST", body: { indices } });
    await load();
    toast(`${what} deleted, ${left} left.`, "good");
  });
}

async function deleteDataset() {
  const text = `All ${counted(pairs.length, "pair")} are gone for good. Download them first if in doubt.`;
  if (!(await confirmed(`Delete “${manifest.title}”?`, text))) return;
  await tried(async () => {
    await api(`/api${base}`, { method: "DELETE" });
    location.href = at("/datasets");
  });
}

async function rename(event) {
  event.preventDefault();
  const title = element("title").value;
  await tried(async () => {
    manifest.title = (await api(`/api${base}`, { method: "PATCH", body: { title } })).title;
    element("title").blur();
    showTitle();
    element("rename-save").hidden = true;
    toast("Renamed.", "good");
  });
}

async function tried(action) {
  try {
    await action();
  } catch (error) {
    toast(error.message, "bad");
  }
}

/** Keys that mean something wherever the person is, except where they are typing. */
function key(event) {
  const { target } = event;
  if (target.closest("dialog, summary, .menu-list, input[type=text]")) return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const range = target.matches("input[type=range]");
  const actions = {
    ArrowRight: () => range || player.show(player.place + 1),
    ArrowLeft: () => range || player.show(player.place - 1),
    Home: () => range || player.show(0),
    End: () => range || player.show(pairs.length - 1),
    Delete: deleteSelected,
    Escape: () => selection.clear(),
  };
  if (event.key === " " && !target.closest("button, a, input:not([type=range])")) {
    event.preventDefault();
    player.toggle();
  } else if (Object.hasOwn(actions, event.key)) {
    if (!range && event.key !== "Escape") event.preventDefault();
    actions[event.key]();
  }
}

element("formats").replaceChildren(
  ...pageData.formats.map(({ name, title }) => {
    const line = document.createElement("li");
    const link = document.createElement("a");
    link.href = at(`${base}/export/${name}.zip`);
    link.download = "";
    link.dataset.format = name;
    const strong = document.createElement("strong");
    strong.textContent = title;
    const about = document.createElement("span");
    about.className = "small soft";
    about.textContent = ABOUT[name] ?? "";
    link.append(strong, about);
    link.addEventListener("click", () => (element("download").open = false));
    line.append(link);
    return line;
  }),
);
addEventListener("click", ({ target }) => {
  if (!target.closest("#download")) element("download").open = false;
});
element("download").addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  element("download").open = false;
  element("download").querySelector("summary").focus();
});
element("rename").addEventListener("submit", rename);
element("title").addEventListener("input", () => {
  element("rename-save").hidden = element("title").value.trim() === manifest?.title;
});
element("title").addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !manifest) return;
  element("title").value = manifest.title;
  element("rename-save").hidden = true;
  element("title").blur();
});
element("play").addEventListener("click", () => player.toggle());
element("scrub").addEventListener("input", ({ target }) => {
  const place = Number(target.value);
  player.pause();
  player.show(place);
});
element("select-none").addEventListener("click", () => selection.clear());
element("extend").addEventListener("click", () => extending(!strip.extending));
element("delete-frames").addEventListener("click", deleteSelected);
element("share").addEventListener("click", () => sharing.open("dataset", pageData.id, manifest.title));
element("train").addEventListener("click", () => training.open(manifest.title));
element("delete-dataset").addEventListener("click", deleteDataset);
addEventListener("keydown", key);
listenToLayers(player);
started();

load()
  .then(() => {
    // From the end of a recording.
    if (location.hash === "#train" && !element("train").disabled) training.open(manifest.title);
  })
  .then(watch)
  .catch((error) => {
    element("loading").hidden = false;
    element("loading").textContent = error.message;
  });
