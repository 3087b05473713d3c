// "Train": a double or a network, how long, and for those who open "More", how; then its page.

import { api, at } from "./api.js";
import { toast } from "./toasts.js";
import { active } from "./training_wording.js";
import { counted, moreOf } from "./wording.js";

const MOST_OTHERS = 8;
const element = (id) => document.getElementById(id);

/** The dialog of `train_dialog.html`, for one dataset. */
export class TrainChoice {
  #dataset;
  #missing = null; // Why no network can learn here.
  #measured = {};

  constructor(dataset) {
    this.#dataset = dataset;
    element("train-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#begin();
    });
    for (const radio of element("train-form").elements.kind) radio.addEventListener("change", () => this.#showKind());
    element("train-cancel").addEventListener("click", () => element("train-dialog").close());
    element("train-now").href = at(`/perform?as=as:${dataset}`);
  }

  /** `title`: of the dataset; what was captured because it was lacking went by it once. */
  open(title) {
    element("train-dialog").showModal();
    this.#sayHowFast();
    this.#offerOthers(title);
  }

  /** Other datasets to learn from together with this one; those captured for it are ticked. */
  async #offerOthers(mine) {
    const all = await api("/api/datasets").catch(() => []);
    const others = all.filter((one) => one.id !== this.#dataset && one.state === "complete" && !one.job);
    for (const old of element("train-with").querySelectorAll("label")) old.remove();
    const forThis = ({ captured_for: wanted, title }) => (wanted ? wanted === this.#dataset : title === moreOf(mine));
    others.sort((one, other) => forThis(other) - forThis(one));
    for (const one of others.slice(0, MOST_OTHERS)) {
      const { id, title, pairs } = one;
      const label = document.createElement("label");
      label.className = "check small";
      const box = document.createElement("input");
      Object.assign(box, { type: "checkbox", name: "with", value: id, checked: forThis(one) });
      label.append(box, `${title}, ${counted(pairs, "pair")}`);
      element("train-with").append(label);
      if (box.checked) element("train-more").open = true;
    }
    element("train-with").hidden = others.length === 0;
  }

  get #kind() {
    return element("train-form").elements.kind.value;
  }

  /** What there is to choose for a double, or for a network. */
  #showKind() {
    for (const part of element("train-form").querySelectorAll("[data-kind]")) part.hidden = part.dataset.kind !== this.#kind;
    const missing = this.#kind === "network" ? this.#missing : null;
    element("train-missing").hidden = !missing;
    element("train-missing").textContent = missing ?? "";
    element("train-begin").disabled = Boolean(missing);
    const { rate, prepared } = this.#measured[this.#kind] ?? {};
    element("train-speed").textContent = rate
      ? `This machine: about ${counted(Math.round(rate * 60), "picture")} a minute, ` +
        `and ${counted(Math.round(prepared ?? 0), "second")} to get ready, as measured last time.`
      : "How fast this machine is will be known after the first training.";
  }

  /** What was measured here, and who is before. */
  async #sayHowFast() {
    const answer = await api("/api/trainings").catch(() => ({ trainings: [], measured: {}, no_network: null }));
    const { trainings } = answer;
    [this.#measured, this.#missing] = [answer.measured, answer.no_network];
    this.#showKind();
    const running = trainings.filter((one) => active(one) || one.state === "waiting").length;
    element("train-queue").hidden = running === 0;
    element("train-queue").textContent = `${counted(running, "training")} before it: one learns at a time.`;
  }

  async #begin() {
    const form = new FormData(element("train-form"));
    const body = { kind: this.#kind, dataset: this.#dataset, minutes: Number(form.get("minutes")), with: form.getAll("with") };
    if (body.kind === "network") body.preset = form.get("network");
    else {
      for (const name of ["preset", "start"]) if (form.get(name)) body[name] = form.get(name);
      if (form.get("size")) body.size = Number(form.get("size"));
    }
    element("train-begin").disabled = true;
    try {
      const { id } = await api("/api/trainings", { method: "POST", body });
      location.href = at(`/trainings/${id}`);
    } catch (error) {
      toast(error.message, "bad");
      element("train-begin").disabled = false;
    }
  }
}
