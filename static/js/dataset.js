// One dataset: look through it, throw bad frames out, rename, download, delete.

import { api, pageData, wait } from "./api.js";
import { Player } from "./player.js";
import { Strip } from "./strip.js";
import { toast } from "./toasts.js";
import { clock, counted, DROPPED, FLAGS, percent, SOURCES, when } from "./wording.js";

const element = (id) => document.getElementById(id);
const base = `/datasets/${pageData.id}`;
const SMALL = 160;
const BUSY_MS = 1500;
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
  urls: (index) => [`${base}/frames/${index}`, `${base}/parts/${index}`],
  changed: showPlace,
});
const strip = new Strip({
  outer: element("strip"),
  inner: element("strip-inner"),
  urls: (index) => [`${base}/frames/${index}?width=${SMALL}`, `${base}/parts/${index}?width=${SMALL}`],
  opened: (place) => player.show(place),
  selectionChanged: showSelection,
});

async function load() {
  const data = await api(`/api${base}`);
  pairs = data.pairs;
  manifest = data;
  const { width, height } = data.frame;
  strip.setPairs(pairs, width ? height / width : 0.75);
  element("scrub").max = Math.max(pairs.length - 1, 0);
  player.setPairs(pairs);
  showFacts();
  showFlags();
  const busy = data.job !== null || data.state === "recording";
  showBusy(busy);
  if (busy) {
    await wait(BUSY_MS);
    await load();
  }
}

function showBusy(busy) {
  element("busy").hidden = !busy;
  element("busy").textContent = "This dataset is still being made; what is there so far is shown.";
  for (const id of ["delete-dataset", "delete-frames"]) element(id).disabled = busy;
}

function showFacts() {
  const title = element("title");
  if (document.activeElement !== title) title.value = manifest.title;
  element("heading").textContent = manifest.title;
  document.title = `${manifest.title} · Understudy`;
  const { counts, frame, model, source } = manifest;
  const dropped = Object.entries(counts.dropped).filter(([, number]) => number);
  const seconds = pairs.length > 1 ? pairs.at(-1).time_s - pairs[0].time_s : 0;
  const facts = {
    Pairs: pairs.length.toLocaleString("en"),
    Length: `${seconds.toFixed(1)} s`,
    Rate: frame.fps ? `${frame.fps.toFixed(1)} a second` : "–",
    "Left out": dropped.length
      ? dropped.map(([why, number]) => `${number}: ${DROPPED[why] ?? why}`).join("; ")
      : "none",
    Deleted: counts.deleted.toLocaleString("en"),
    Frames: `${frame.width} × ${frame.height}, ${frame.format.toUpperCase()}`,
    Source: SOURCES[source.kind] + (source.kind === "import" ? `: ${source.name}` : ""),
    Network: `${model.name}, ${model.input.join(" × ")}, threshold ${percent(model.threshold)}`,
    Made: when(manifest.created),
  };
  element("facts").replaceChildren(
    ...Object.entries(facts).flatMap(([name, value]) => {
      const term = document.createElement("dt");
      const text = document.createElement("dd");
      term.textContent = name;
      text.textContent = value;
      return [term, text];
    }),
  );
  const { fraction = 0, missing = [] } = manifest.coverage;
  element("coverage-share").textContent = percent(fraction);
  element("coverage-fill").style.width = `${fraction * 100}%`;
  element("missing").textContent = missing.length ? `Not seen: ${missing.join("; ")}.` : "";
}

function showFlags() {
  const numbers = {};
  for (const pair of pairs) {
    for (const flag of pair.flags) numbers[flag] = (numbers[flag] ?? 0) + 1;
  }
  element("flag-filters").replaceChildren(
    ...Object.entries(numbers).map(([flag, number]) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "chip chip-warn chip-button";
      button.textContent = `Select ${FLAGS[flag] ?? flag}: ${number}`;
      button.addEventListener("click", () => {
        strip.select(pairs.filter((pair) => pair.flags.includes(flag)).map((pair) => pair.index));
      });
      return button;
    }),
  );
}

function showPlace(place) {
  const pair = pairs[place];
  if (!pair) return;
  element("scrub").value = place;
  element("where").textContent = `${place + 1} / ${pairs.length} · ${clock(pair.time_s)}`;
  element("play").textContent = player.playing ? "❚❚" : "▶";
  element("play").setAttribute("aria-label", player.playing ? "Pause" : "Play");
  element("frame-flags").replaceChildren(
    ...pair.flags.map((flag) => {
      const chip = document.createElement("span");
      chip.className = "chip chip-warn";
      chip.textContent = FLAGS[flag] ?? flag;
      return chip;
    }),
  );
  strip.setCurrent(place);
}

function showSelection(selected) {
  element("selection").hidden = selected.size === 0;
  element("selected").textContent = `${counted(selected.size, "frame")} selected`;
}

async function confirmed(title, text) {
  const dialog = element("confirm");
  element("confirm-title").textContent = title;
  element("confirm-text").textContent = text;
  dialog.returnValue = "no";
  dialog.showModal();
  await new Promise((done) => dialog.addEventListener("close", done, { once: true }));
  return dialog.returnValue === "yes";
}

async function deleteSelected() {
  const indices = [...strip.selected];
  if (!indices.length || element("delete-frames").disabled) return;
  const what = counted(indices.length, "frame");
  if (!(await confirmed(`Delete ${what}?`, "Frames and masks are deleted for good."))) return;
  await tried(async () => {
    await api(`/api${base}/delete-frames`, { method: "POST", body: { indices } });
    await load();
    toast(`${what} deleted.`, "good");
  });
}

async function deleteDataset() {
  const text = `${counted(pairs.length, "pair")} are deleted for good. Download it first if in doubt.`;
  if (!(await confirmed(`Delete “${manifest.title}”?`, text))) return;
  await tried(async () => {
    await api(`/api${base}`, { method: "DELETE" });
    location.href = "/datasets";
  });
}

async function rename(event) {
  event.preventDefault();
  await tried(async () => {
    const answer = await api(`/api${base}`, { method: "PATCH", body: { title: element("title").value } });
    manifest.title = answer.title;
    element("title").blur();
    showFacts();
    element("rename-save").hidden = true;
  });
}

async function tried(action) {
  try {
    await action();
  } catch (error) {
    toast(error.message, "bad");
  }
}

element("formats").replaceChildren(
  ...pageData.formats.map(({ name, title }) => {
    const line = document.createElement("li");
    const link = document.createElement("a");
    link.href = `${base}/export/${name}.zip`;
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
element("rename").addEventListener("submit", rename);
element("title").addEventListener("input", () => {
  element("rename-save").hidden = element("title").value.trim() === manifest.title;
});
element("play").addEventListener("click", () => player.toggle());
element("scrub").addEventListener("input", ({ target }) => player.show(Number(target.value)));
element("show-skeleton").addEventListener("change", ({ target }) => {
  player.skeleton = target.checked;
  player.draw();
});
element("overlay").addEventListener("input", ({ target }) => {
  player.opacity = Number(target.value);
  player.draw();
});
element("select-none").addEventListener("click", () => strip.select([]));
element("delete-frames").addEventListener("click", deleteSelected);
element("delete-dataset").addEventListener("click", deleteDataset);
addEventListener("keydown", (event) => {
  if (event.target.closest("input, dialog, select, summary")) return;
  if (event.key === " " && !event.target.closest("button, a")) {
    event.preventDefault();
    player.toggle();
  } else if (event.key === "ArrowRight") player.show(player.place + 1);
  else if (event.key === "ArrowLeft") player.show(player.place - 1);
  else if (event.key === "Delete") deleteSelected();
});

tried(load);
