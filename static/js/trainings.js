// The list of trainings: what learns, what waits, what has been learnt.

import { api, at, pageData, started } from "./api.js";
import { listen } from "./events.js";
import { link, make } from "./make.js";
import { toast } from "./toasts.js";
import { over, progress, share, STATES } from "./training_wording.js";
import { counted, when } from "./wording.js";

const element = (id) => document.getElementById(id);
const CHIPS = { done: "chip-good", failed: "chip-bad" };
const cards = new Map();

function card(training) {
  const made = make("article", "card training-card");
  const picture = make("div", "training-picture");
  const text = make("div", "training-text");
  const named = training.kind === "network" ? `${training.title}: a network` : training.title;
  const title = link(at(`/trainings/${training.id}`), "training-title", named);
  const head = make("div", "training-head");
  const chip = make("span", "chip");
  head.append(title, chip);
  const sentence = make("p", "small soft numbers");
  const meter = make("div", "meter");
  const fill = make("div", "meter-fill");
  meter.append(fill);
  meter.setAttribute("role", "progressbar");
  meter.setAttribute("aria-label", training.title);
  text.append(head, sentence, meter, make("p", "small soft", when(training.created)));
  const stop = make("button", "button button-small", "Stop");
  stop.type = "button";
  stop.addEventListener("click", async () => {
    stop.disabled = true;
    await api(`/api/trainings/${training.id}/stop`, { method: "POST", body: {} }).catch((error) => {
      toast(error.message, "bad");
      stop.disabled = false;
    });
  });
  made.append(picture, text, stop);
  return { made, picture, chip, sentence, meter, fill, stop };
}

function update(parts, training) {
  const { made, picture, chip, sentence, meter, fill, stop } = parts;
  chip.textContent = STATES[training.state];
  chip.className = `chip ${CHIPS[training.state] ?? "chip-warn"}`;
  sentence.textContent = progress(training);
  const part = share(training);
  meter.hidden = over(training) || training.state === "waiting";
  meter.classList.toggle("meter-unknown", part === null);
  fill.style.width = `${(part ?? 1) * 100}%`;
  if (part === null) meter.removeAttribute("aria-valuenow");
  else meter.setAttribute("aria-valuenow", Math.round(part * 100));
  stop.hidden = over(training);
  stop.disabled = training.state === "stopping" || (training.kind === "network" && training.state === "judging");
  if (training.picture) {
    if (!picture.firstChild) picture.append(Object.assign(make("img"), { alt: "" }));
    const source = at(training.picture);
    if (picture.firstChild.getAttribute("src") !== source) picture.firstChild.src = source;
  }
  made.dataset.state = training.state;
}

function show(trainings) {
  const ids = new Set(trainings.map(({ id }) => id));
  for (const id of cards.keys()) if (!ids.has(id)) cards.delete(id);
  for (const training of trainings) {
    if (!cards.has(training.id)) cards.set(training.id, card(training));
    update(cards.get(training.id), training);
  }
  const wanted = trainings.map(({ id }) => cards.get(id).made);
  const list = element("trainings");
  if (wanted.length !== list.children.length || wanted.some((one, place) => one !== list.children[place])) {
    list.replaceChildren(...wanted);
  }
  element("empty").hidden = trainings.length > 0;
  element("total").textContent = trainings.length ? counted(trainings.length, "training") : "";
}

show(pageData.trainings);
started();
listen(at("/api/trainings/events"), show, (lost) => (element("offline").hidden = !lost));
