// Mending one dataset: step through doubtful frames, put key points right, erase, fill in, undo.

import { api, at, pageData, started } from "./api.js";
import { Edits, mended, seen } from "./mending_edits.js";
import { Saving } from "./mending_saving.js";
import { MendingStage } from "./mending_stage.js";
import { toast } from "./toasts.js";
import { clock, counted } from "./wording.js";

const element = (id) => document.getElementById(id);
const base = `/datasets/${pageData.id}`;
const ADDRESS_MS = 250;
const names = pageData.keypoints;

let place = -1;
let addressing = 0;
let size = [0, 0];
let doubts = new Map(); // Index -> what looks wrong, in order of doubt.
let known = ""; // The revision that `doubts` are of.

const edits = new Edits({ changed: edited, otherSide: pageData.other_side });
const saving = new Saving({ url: `/api${base}`, edits, said: saySaved, newest: showNewest });
const stage = new MendingStage({
  stage: element("stage"),
  svg: element("picture"),
  limbs: pageData.limbs,
  sides: pageData.other_side,
  moved: (number, where, byKey) => {
    edits.move(place, number, where, byKey);
    say(`${names[number]}: ${where.map(Math.round).join(", ")}`);
  },
  chosen: (number) => {
    say(names[number]);
    showPoints();
  },
  hidden: (number) => edits.move(place, number, null),
});
const pointButtons = names.map((name, number) => {
  const button = document.createElement("button");
  button.type = "button";
  button.append(name, document.createElement("span"));
  button.addEventListener("click", () => {
    stage.choose(number);
    element("stage").focus({ preventScroll: true });
  });
  return button;
});
element("points").append(...pointButtons);

async function load() {
  const data = await api(`/api${base}`);
  element("title").textContent = `“${data.title}”`;
  document.title = `Mend ${data.title} · Understudy`;
  size = [data.frame.width, data.frame.height];
  element("stage").style.setProperty("--aspect", size[0] ? size[0] / size[1] : 4 / 3);
  const busy = data.job !== null || data.state === "recording";
  const nothing = data.pairs.length ? "" : "No frames are left in this dataset.";
  element("loading").textContent = busy ? "This dataset is still being made: come back when it is done." : nothing;
  element("loading").hidden = !busy && !nothing;
  element("mend").hidden = busy || Boolean(nothing);
  if (busy || nothing) return;
  takeOver(data);
  saving.setPairs(data.pairs, data.revision);
  await findDoubts();
  const wanted = edits.pairs.findIndex(({ index }) => location.hash === `#${index}`);
  if (wanted >= 0) await show(wanted);
  else await step(1, true);
}

/** The pairs as they are on the server; what was done here before cannot be undone any more. */
function takeOver(data) {
  edits.setPairs(data.pairs);
  element("scrub").max = data.pairs.length - 1;
}

function showNewest(data) {
  takeOver(data);
  show(place);
}

async function findDoubts() {
  const { revision, doubtful } = await api(`/api${base}/doubts`);
  known = revision;
  doubts = new Map(doubtful.map((one) => [one.index, one]));
  showDoubt();
}

/** Places of the doubtful frames, the most doubtful first. */
function doubtfulPlaces() {
  const places = new Map(edits.pairs.map(({ index }, at) => [index, at]));
  const all = [...doubts.keys()].map((index) => places.get(index));
  return all.filter((found) => found !== undefined && !edits.pairs[found].edits.right);
}

/** The next doubtful frame, or the one before; what was mended is no longer doubtful. */
async function step(direction, first = false) {
  const order = doubtfulPlaces();
  const now = order.indexOf(place);
  if (!saving.unsaved && known !== saving.revision) await findDoubts();
  const left = doubtfulPlaces();
  if (!left.length) {
    await show(place);
    return;
  }
  // Where this frame was in the order, if it is no longer in it.
  const from = left.includes(place) ? left.indexOf(place) + direction : Math.max(now, 0) - (direction < 0);
  await show(left[first ? 0 : (from + left.length) % left.length]);
}

async function show(wanted) {
  const changed = wanted !== place;
  place = Math.max(0, Math.min(wanted, edits.pairs.length - 1));
  const { index } = edits.pairs[place];
  // Browsers refuse a hundred changes in a few seconds.
  clearTimeout(addressing);
  addressing = setTimeout(() => history.replaceState(null, "", `#${index}`), ADDRESS_MS);
  if (changed) stage.choose(doubts.get(index)?.keypoints[0] ?? stage.point);
  refresh();
  try {
    await stage.show([at(`${base}/frames/${index}`), at(`${base}/parts/${index}`)], size);
    for (const next of [place + 1, place - 1]) preload(next);
  } catch {
    toast("A picture did not come: is the server still running?", "bad");
  }
}

function preload(next) {
  if (edits.pairs[next]) new Image().src = at(`${base}/frames/${edits.pairs[next].index}`);
}

function edited(places) {
  saving.changed(places);
  refresh();
}

function refresh() {
  const { index, time_s: time, edits: own } = edits.pairs[place];
  const points = mended(edits.pairs[place]);
  stage.draw(points, own.keypoints ? [] : (doubts.get(index)?.keypoints ?? []));
  element("picture").classList.toggle("erased", Boolean(own.erased));
  element("scrub").value = place;
  element("scrub").setAttribute("aria-valuetext", `Frame ${index}, ${clock(time)}`);
  element("where").textContent = `${place + 1} / ${edits.pairs.length} · ${clock(time)}`;
  element("undo").disabled = !edits.canUndo;
  element("redo").disabled = !edits.canRedo;
  element("right").setAttribute("aria-pressed", Boolean(own.right));
  element("right").disabled = !points && !own.right;
  element("erase").setAttribute("aria-pressed", Boolean(own.erased));
  element("leave-out").setAttribute("aria-pressed", Boolean(own.left_out));
  element("reset").disabled = !Object.keys(own).length;
  element("swap").disabled = !points;
  element("copy").disabled = !edits.poseBefore(place);
  showMark(own, points);
  showFilling();
  showDoubt();
  showPoints();
}

function showMark(own, points) {
  let mark = "";
  if (own.left_out) mark = "Left out";
  else if (own.erased) mark = "Nobody is here";
  else if (own.interpolated) mark = "Filled in";
  else if (own.keypoints) mark = "Mended";
  else if (own.right) mark = "Right as it is";
  else if (!points) mark = "Nobody was found";
  element("mark").textContent = mark;
  element("mark").hidden = !mark;
}

function showFilling() {
  const found = { "fill-before": edits.fillable(place, -1), "fill-after": edits.fillable(place, 1) };
  for (const [id, other] of Object.entries(found)) element(id).disabled = other === null;
  const named = Object.values(found).filter((other) => other !== null);
  element("fill-hint").textContent = named.length
    ? `Fills in the frames between this one and frame ${named.map((other) => edits.pairs[other].index).join(" or ")}, in a straight line.`
    : "To fill in many frames, mend one here and one a little later (3 seconds at the most).";
}

function showDoubt() {
  const order = doubtfulPlaces();
  const now = order.indexOf(place);
  const of = now < 0 ? "" : `${now + 1} of `;
  element("doubt-count").textContent = order.length ? `${of}${order.length}` : "none";
  for (const id of ["doubt-before", "doubt-next"]) element(id).disabled = !order.length;
  const one = doubts.get(edits.pairs[place]?.index);
  const mine = edits.pairs[place] && Object.keys(edits.pairs[place].edits).length;
  let lines = one?.reasons ?? [order.length ? "Nothing looks wrong here." : "No pose looks wrong."];
  if (mine) lines = [edits.pairs[place].edits.right ? "You said that it is right." : "You mended this frame."];
  element("reasons").replaceChildren(
    ...lines.map((text) => {
      const line = document.createElement("li");
      line.className = one && !mine ? "" : "right-now";
      line.textContent = text;
      return line;
    }),
  );
}

function showPoints() {
  const { edits: own, index } = edits.pairs[place];
  const points = mended(edits.pairs[place]);
  const doubted = doubts.get(index)?.keypoints ?? [];
  pointButtons.forEach((button, number) => {
    const moved = own.keypoints?.[number];
    const looksWrong = !own.keypoints && doubted.includes(number);
    let state = "";
    if (moved) state = own.interpolated ? "filled in" : "moved";
    else if (!points || !seen(points[number])) state = "not seen";
    else if (looksWrong) state = "doubtful";
    button.lastChild.textContent = state;
    button.classList.toggle("doubted", state === "doubtful");
    button.setAttribute("aria-pressed", number === stage.point);
    button.disabled = !points;
  });
  element("hide").disabled = !points || stage.point === null;
  element("reset-point").disabled = own.keypoints?.[stage.point] === undefined;
}

function saySaved(sentence, kind) {
  element("saved").textContent = sentence;
  element("saved").dataset.kind = kind;
  if (kind === "bad") toast(sentence, "bad");
}

function say(sentence) {
  element("said").textContent = sentence;
}

function fill(direction) {
  const other = edits.fillable(place, direction);
  if (other !== null) say(`${counted(edits.fill(place, other), "frame")} filled in.`);
}

/** The frame is right as it is: it is doubted no more, and the next doubtful one is shown. */
function callRight() {
  const now = doubtfulPlaces().indexOf(place);
  edits.mark(place, "right");
  const left = doubtfulPlaces();
  if (edits.pairs[place].edits.right && now >= 0 && left.length) show(left[now % left.length]);
}

/** Undo or redo, and show where that was. */
function goBack(action) {
  const places = edits[action]();
  if (places.length && !places.includes(place)) show(places[0]);
}

function key(event) {
  const control = event.ctrlKey || event.metaKey;
  const letter = event.key.toLowerCase();
  if (control && letter === "z") goBack(event.shiftKey ? "redo" : "undo");
  else if (control && letter === "y") goBack("redo");
  else if (letter === "r" && !control && !event.altKey && !element("right").disabled) callRight();
  else if (control || event.altKey || event.target.closest("button, a, input")) return;
  else if (event.key === "Enter") step(event.shiftKey ? -1 : 1);
  else if (event.key === "ArrowRight" || event.key === "PageDown") show(place + 1);
  else if (event.key === "ArrowLeft" || event.key === "PageUp") show(place - 1);
  else return;
  event.preventDefault();
}

const actions = {
  undo: () => goBack("undo"),
  redo: () => goBack("redo"),
  before: () => show(place - 1),
  after: () => show(place + 1),
  "doubt-before": () => step(-1),
  "doubt-next": () => step(1),
  "fill-before": () => fill(-1),
  "fill-after": () => fill(1),
  swap: () => edits.swap(place),
  copy: () => edits.copyBefore(place),
  right: callRight,
  erase: () => edits.mark(place, "erased"),
  "leave-out": () => edits.mark(place, "left_out"),
  reset: () => edits.reset(place),
  hide: () => edits.move(place, stage.point, null),
  "reset-point": () => edits.resetPoint(place, stage.point),
};
for (const [id, action] of Object.entries(actions)) element(id).addEventListener("click", action);
element("scrub").addEventListener("input", ({ target }) => show(Number(target.value)));
element("show-mask").addEventListener("change", ({ target }) =>
  element("picture").classList.toggle("with-mask", target.checked),
);
for (const button of document.querySelectorAll("button[data-zoom]")) {
  button.addEventListener("click", () => {
    for (const other of document.querySelectorAll("button[data-zoom]")) {
      other.setAttribute("aria-pressed", other === button);
    }
    stage.zoom(button.dataset.zoom);
  });
}
addEventListener("keydown", key);
started();
load().catch((error) => {
  element("loading").hidden = false;
  element("loading").textContent = error.message;
});
