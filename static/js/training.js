// One training: how far it is, what it draws, how good it is; stop, continue, take home, delete.

import { api, at, pageData, started } from "./api.js";
import { confirmed } from "./confirm.js";
import { listen } from "./events.js";
import { showDownloads } from "./training_downloads.js";
import { Learnt } from "./learnt.js";
import { make } from "./make.js";
import { Plot, smoothed } from "./plot.js";
import { toast } from "./toasts.js";
import { HELD_OUT, inWords, LOSSES, over, progress, share, spent, STATES } from "./training_wording.js";
import { networkInWords } from "./network_wording.js";

const element = (id) => document.getElementById(id);
const base = at(`/trainings/${pageData.id}`);
const requests = `/api/trainings/${pageData.id}`;
const losses = new Plot(element("losses"), "Errors while learning", { logarithmic: true });
const held = new Map(
  Object.entries(HELD_OUT).map(([name, title]) => {
    const place = make("div");
    element("held").append(place);
    return [name, new Plot(place, title)];
  }),
);

let training = pageData.training;
let points = [];
let left = false;
const isNetwork = training.kind === "network";
const learnt = new Learnt(base, isNetwork ? "What it sees" : "Its own pictures", isNetwork ? "Its teacher" : "The truth");

function showState() {
  const part = share(training);
  element("state").textContent = STATES[training.state];
  element("state").className = `chip ${{ done: "chip-good", failed: "chip-bad" }[training.state] ?? "chip-warn"}`;
  element("sentence").textContent = progress(training);
  element("meter").hidden = over(training) || training.state === "waiting";
  element("meter").classList.toggle("meter-unknown", part === null);
  element("fill").style.width = `${(part ?? 1) * 100}%`;
  if (part === null) element("meter").removeAttribute("aria-valuenow");
  else element("meter").setAttribute("aria-valuenow", Math.round(part * 100));
  element("stop").hidden = over(training);
  // A network without its file is of no use: it is written to the end.
  element("stop").disabled = training.state === "stopping" || (isNetwork && training.state === "judging");
  element("stop").textContent = training.state === "waiting" ? "Take it out of the queue" : "Stop: good enough";
  element("continue").hidden = !over(training);
  element("continue").textContent = training.learnt ? "Continue" : "Begin again";
  if (isNetwork) {
    element("use").hidden = !training.network;
    element("use").href = at(`/?model=${encodeURIComponent(training.network ?? "")}`);
  } else {
    element("dance").hidden = !training.performer;
    element("dance").href = at(`/perform?as=${encodeURIComponent(training.performer ?? "")}`);
  }
  element("no-pictures").hidden = over(training) || !element("poses").hidden;
  const facts = {
    "Learnt for": training.seconds ? spent(training.seconds) : "",
    "Pictures a second": training.pictures_per_second ?? "",
    Preset: training.preset ?? "",
    "On the capture page": training.network ?? "",
  };
  element("facts").replaceChildren(
    ...Object.entries(facts)
      .filter(([, value]) => value !== "")
      .map(([name, value]) => {
        const fact = make("div");
        fact.append(make("dt", "small soft", name), make("dd", "", String(value)));
        return fact;
      }),
  );
}

function showCurves() {
  const end = Math.max(points.at(-1)?.seconds ?? 0, (training.seconds ?? 0) + (training.seconds_left ?? 0));
  const column = (key, name) =>
    points.filter((one) => name in one[key]).map((one) => [one.seconds, one[key][name]]);
  const names = (key) => [...new Set(points.flatMap((one) => Object.keys(one[key])))];
  element("losses-card").hidden = points.length < 2;
  if (points.length >= 2) {
    losses.show(Object.fromEntries(names("losses").map((name) => [name, smoothed(column("losses", name))])), LOSSES, end);
  }
  // Measured now and then: only where it changed.
  const measured = (name) => column("held_out", name).filter(([, value], place, all) => !place || value !== all[place - 1][1]);
  element("held-card").hidden = ![...held.keys()].some((name) => measured(name).length);
  for (const [name, plot] of held) plot.show({ [name]: measured(name) }, HELD_OUT, end);
}

function showScores(rows) {
  element("scores-card").hidden = !rows || !over(training);
  if (!rows) return;
  if (!isNetwork) element("report").href = `${base}/report`;
  element("scores").replaceChildren(
    ...(isNetwork ? networkInWords(rows) : inWords(rows)).map(({ title, word, value, compared }) => {
      const tile = make("div", "score");
      tile.append(make("h3", "", title), make("strong", "", word), make("span", "numbers soft small", value));
      if (compared) tile.append(make("span", "small soft", compared));
      return tile;
    }),
  );
}

/** Once: the answer to "Delete" and the news that it is gone come together. */
function leave() {
  if (!left) location.href = at("/trainings");
  left = true;
}

function heard(news) {
  if (news.gone) {
    leave();
    return;
  }
  training = news;
  points = news.anew ? news.points : points.concat(news.points);
  learnt.show(news.pictures, over(news));
  showState();
  showCurves();
  showScores(news.scores);
  showDownloads(news);
}

async function tried(button, action) {
  button.disabled = true;
  try {
    await action();
  } catch (error) {
    toast(error.message, "bad");
  }
  button.disabled = false;
}

element("stop").addEventListener("click", ({ target }) =>
  tried(target, async () => {
    training = { ...training, ...(await api(`${requests}/stop`, { method: "POST", body: {} })) };
    showState();
  }),
);
element("continue").addEventListener("click", () => element("continue-dialog").showModal());
element("continue-form").addEventListener("submit", ({ submitter }) => {
  if (submitter?.value !== "go") return;
  const minutes = Number(new FormData(element("continue-form")).get("more"));
  tried(element("continue"), async () => {
    training = { ...training, ...(await api(`${requests}/continue`, { method: "POST", body: { minutes } })) };
    showState();
  });
});
element("delete").addEventListener("click", async ({ target }) => {
  const text = isNetwork
    ? "The network is gone for good; whoever uses it now goes on until they choose another. The dataset stays."
    : "What it has learnt is gone for good. The dataset stays.";
  if (!(await confirmed(`Delete this training of “${training.title}”?`, text))) return;
  await tried(target, async () => {
    await api(requests, { method: "DELETE" });
    leave();
  });
});

showState();
started();
listen(at(`${requests}/events`), heard, (lost) => (element("offline").hidden = !lost));
