// What a finished run is downloaded as; files that take a while to make are made first.

import { api, at, pageData } from "./api.js";
import { follow, JobCard } from "./jobs.js";
import { link, make } from "./make.js";
import { toast } from "./toasts.js";
import { over } from "./training_wording.js";

const element = (id) => document.getElementById(id);
const KINDS = {
  weights: ["Weights", "All that performing on another machine needs."],
  int8: ["int8 (TFLite)", "Smaller and faster on a CPU; used here as soon as it is made."],
  onnx: ["ONNX", "For other programs."],
  tflite: ["The network (TFLite)", "For run.py --model on another machine, and for boards; with its weights, to go on from."],
};
const making = new Set();
let shown = "";

/** `news`: the training, with the names of the downloads that are there. */
export function showDownloads(news) {
  element("downloads-card").hidden = !news.learnt || !over(news);
  const now = [...news.downloads, ...making].join();
  if (now === shown && element("downloads").children.length) return;
  shown = now;
  element("downloads").replaceChildren(
    ...Object.entries(KINDS)
      .filter(([kind]) => [...news.downloads, ...news.can_be_made].includes(kind))
      .map(([kind, [title, about]]) => {
      const line = make("div", "download");
      const text = make("div");
      text.append(make("strong", "", title), make("p", "small soft", about));
      line.append(text, action(kind, title, news));
      return line;
    }),
  );
}

function action(kind, title, news) {
  if (news.downloads.includes(kind)) {
    const made = link(at(`/trainings/${pageData.id}/download/${kind}.zip`), "button button-small", "Download");
    made.download = "";
    made.setAttribute("aria-label", `Download ${title}`);
    return made;
  }
  const button = make("button", "button button-small", "Make it");
  button.type = "button";
  button.setAttribute("aria-label", `Make ${title}`);
  button.disabled = making.has(kind);
  button.addEventListener("click", () => begin(kind, title, news));
  return button;
}

async function begin(kind, title, news) {
  making.add(kind);
  showDownloads(news);
  const card = new JobCard(title);
  card.working = "Making the file";
  element("downloads").append(card.element);
  try {
    const { job } = await api(`/api/trainings/${pageData.id}/export`, { method: "POST", body: { format: kind } });
    const ended = await follow(card, job);
    if (ended?.state === "done") news = { ...news, downloads: [...news.downloads, kind] };
    else if (ended) toast(ended.message, "bad");
  } catch (error) {
    toast(error.message, "bad");
  }
  card.element.remove();
  making.delete(kind);
  showDownloads(news);
}
