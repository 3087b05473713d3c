// All datasets, the work that is still making some, and importing another.

import { api, at, pageData, started, wait } from "./api.js";
import { droppedFiles, importFile } from "./import_file.js";
import { follow, JobCard } from "./jobs.js";
import { counted, percent, runtime, SOURCES, when } from "./wording.js";

const element = (id) => document.getElementById(id);
const following = new Set();
const POLL_MS = 2000;

function make(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function picture(url, alt) {
  const image = make("img", "");
  image.loading = "lazy";
  image.alt = alt;
  image.src = url;
  return image;
}

function card(one) {
  const link = make("a", "dataset card");
  link.href = at(`/datasets/${one.id}`);
  const pictures = make("div", "dataset-pictures");
  if (one.thumbnail) pictures.append(picture(one.thumbnail, ""), picture(one.mask, ""));
  else pictures.append(make("p", "soft small", "No pictures yet"));
  const title = make("h2", "dataset-title", one.title || "Untitled");
  const length = one.seconds ? [runtime(one.seconds)] : [];
  const facts = [counted(one.pairs, "pair"), ...length, SOURCES[one.source]].join(" · ");
  const covered = make("p", "dataset-coverage small soft numbers");
  covered.append(make("span", "", "Poses covered"), make("span", "", percent(one.coverage)));
  const meter = make("div", "meter meter-rainbow");
  const fill = make("div", "meter-fill");
  fill.style.width = `${one.coverage * 100}%`;
  meter.append(fill);
  const made = make("time", "small soft", when(one.created));
  made.dateTime = one.created;
  link.append(pictures, title, make("p", "small soft numbers", facts), made);
  if (one.state === "complete") link.append(covered, meter);
  if (one.job || one.state !== "complete") {
    link.append(make("span", "chip chip-warn", "In the making"));
  }
  return link;
}

function show(datasets) {
  element("datasets").replaceChildren(...datasets.map(card));
  element("empty").hidden = datasets.length > 0;
  const pairs = datasets.reduce((sum, one) => sum + one.pairs, 0);
  element("total").textContent = datasets.length
    ? `${counted(datasets.length, "dataset")}, ${counted(pairs, "pair")}`
    : "";
}

async function refresh() {
  show(await api("/api/datasets"));
}

/** Look again while some are being recorded, here or in another window. */
async function watch(datasets) {
  for (let now = datasets; now.some((one) => one.state === "recording"); ) {
    await wait(POLL_MS);
    now = await api("/api/datasets");
    show(now);
  }
}

/** A card for every job that runs already, from this page or another. */
async function showJobs() {
  for (const job of await api("/api/jobs")) {
    if (following.has(job.id) || !["waiting", "running"].includes(job.state)) continue;
    if (!["import", "recording"].includes(job.kind)) continue; // Films and exports are shown elsewhere.
    following.add(job.id);
    const jobCard = new JobCard(job.title);
    element("results").hidden = false;
    element("results").append(jobCard.element);
    follow(jobCard, job.id).then(refresh);
  }
}

function begin(file) {
  importFile(file, element("results"), pageData.model, (job) => following.add(job)).then(refresh);
}

element("choose-file").addEventListener("click", () => element("file").click());
element("file").addEventListener("change", ({ target }) => {
  const [file] = target.files;
  target.value = "";
  if (file) begin(file);
});
droppedFiles(element("drop-veil"), begin);
started();
show(pageData.datasets);
watch(pageData.datasets).catch(() => {});
showJobs().catch(() => {});
