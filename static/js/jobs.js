// Long work on the server, shown as a card: upload, analysis, time left, cancel, result.

import { api, at, wait } from "./api.js";

const POLL_MS = 500;

/** "about 2 minutes", from seconds. */
export function duration(seconds) {
  if (seconds < 1.5) return "1 second";
  if (seconds < 90) return `${Math.round(seconds)} seconds`;
  return `about ${Math.round(seconds / 60)} minutes`;
}

const element = (name, className, text = "") => {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
};

/** A card that tells how far one piece of work is. The document hears "dataset" when one is made. */
export class JobCard {
  constructor(title) {
    this.working = "Analysing";
    this.element = element("article", "card job");
    this.heading = element("h3", "job-title", title);
    this.sentence = element("p", "job-sentence small soft");
    this.meter = element("div", "meter");
    this.meter.setAttribute("role", "progressbar");
    this.meter.setAttribute("aria-label", title);
    this.fill = element("div", "meter-fill");
    this.meter.append(this.fill);
    this.actions = element("div", "job-actions");
    this.cancel = element("button", "button button-small button-quiet", "Cancel");
    this.cancel.type = "button";
    this.actions.append(this.cancel);
    this.element.append(this.heading, this.sentence, this.meter, this.actions);
  }

  say(sentence) {
    this.sentence.textContent = sentence;
  }

  /** `share` 0..1, or null when it cannot be told. */
  show(share) {
    this.meter.classList.toggle("meter-unknown", share === null);
    if (share === null) this.meter.removeAttribute("aria-valuenow");
    else this.meter.setAttribute("aria-valuenow", Math.round(share * 100));
    this.fill.style.width = `${Math.round((share ?? 1) * 1000) / 10}%`;
  }

  end(sentence, { bad = false, dataset = null } = {}) {
    this.sentence.setAttribute("role", "status"); // Read out only now, not at every step.
    this.say(sentence);
    this.sentence.classList.toggle("bad", bad);
    this.meter.hidden = true;
    this.cancel.remove();
    if (dataset) {
      document.dispatchEvent(new CustomEvent("dataset"));
      const link = element("a", "button button-small button-primary", "Look through it");
      link.href = at(`/datasets/${dataset}`);
      const train = element("a", "button button-small", "Train");
      train.href = at(`/datasets/${dataset}#train`);
      this.actions.append(link, train);
    }
  }
}

/** Show a job until it is over; returns its last state. */
export async function follow(card, id) {
  card.cancel.onclick = () => {
    card.cancel.disabled = true;
    api(`/api/jobs/${id}`, { method: "DELETE" }).catch(() => {});
  };
  for (;;) {
    let job;
    try {
      job = await api(`/api/jobs/${id}`);
    } catch (error) {
      if (error.status !== 0) {
        card.end(error.message, { bad: true });
        return null;
      }
      card.say(error.message);
      await wait(2000);
      continue;
    }
    if (job.state === "waiting") {
      card.say("Waiting for its turn …");
      card.show(null);
    } else if (job.state === "running") {
      const left = job.seconds_left === null ? "" : `, ${duration(job.seconds_left)} left`;
      const of = job.total ? ` of ${job.total}` : "";
      card.say(job.done ? `${card.working}: frame ${job.done}${of}${left}` : `${card.working} …`);
      card.show(job.total ? job.done / job.total : null);
    } else {
      const good = job.state === "done";
      const done = job.notes.length ? "Done." : "Done: every frame was analysed.";
      const message = [good ? job.message || done : job.message, ...job.notes].join(" ");
      card.end(message, { bad: job.state === "failed", dataset: good ? job.dataset : null });
      return job;
    }
    await wait(POLL_MS);
  }
}
