// A video file: dropped on a page, uploaded, analysed, shown as a card all the while.

import { pageData } from "./api.js";
import { duration, follow, JobCard } from "./jobs.js";
import { toast } from "./toasts.js";
import { upload } from "./upload.js";

/** Call `use(file)` with a file that is dropped anywhere on the page; `veil` says that it may be. */
export function droppedFiles(veil, use) {
  let depth = 0;
  const withFile = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => {
    if (!withFile(event)) return;
    depth += 1;
    veil.hidden = false;
  });
  addEventListener("dragleave", (event) => {
    if (withFile(event) && (depth -= 1) <= 0) veil.hidden = true;
  });
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    veil.hidden = true;
    const [file] = event.dataTransfer?.files ?? [];
    if (file && !tooLarge(file)) use(file);
  });
}

/** Whether the server would not take it; then the person has been told. */
export function tooLarge(file) {
  if (file.size <= pageData.limits.upload_bytes) return false;
  const most = Math.round(pageData.limits.upload_bytes / 1e6);
  toast(`${file.name} is larger than the ${most} MB this server takes: shorten it.`, "bad");
  return true;
}

/** Upload a file and have every frame analysed. `begun(job)` is told the job's id. */
export async function importFile(file, where, model, begun = () => {}) {
  const card = new JobCard(file.name);
  where.hidden = false;
  where.prepend(card.element);
  card.element.scrollIntoView({ block: "nearest" });
  const stop = new AbortController();
  card.cancel.onclick = () => stop.abort();
  const start = performance.now();
  const onProgress = (received, size) => {
    const seconds = (performance.now() - start) / 1000;
    const left = (seconds * (size - received)) / Math.max(received, 1);
    const share = Math.round((received / size) * 100);
    card.say(`Uploading: ${share} %${received < size ? `, ${duration(left)} left` : ""}`);
    card.show(received / size);
  };
  card.say("Uploading …");
  card.show(0);
  try {
    const wanted = { purpose: "import", model, onProgress, signal: stop.signal };
    const { job } = await upload(file, wanted);
    begun(job);
    await follow(card, job);
  } catch (error) {
    const cancelled = error.name === "AbortError";
    card.end(cancelled ? "Cancelled: nothing was kept." : error.message, { bad: !cancelled });
  }
}
