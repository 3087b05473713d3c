// What a person chooses, remembered in the browser; changes go to the server without a pause.

import { pageData } from "./api.js";
import { recall, remember } from "./memory.js";

const KEY = "understudy";
const SERVER_SIDE = ["view", "opacity", "threshold", "model", "long_side"];
const SEND_MS = 80;

const element = (id) => document.getElementById(id);

/** Events: "server" (detail: what to send), "camera" (another camera or resolution is wanted). */
export class Settings extends EventTarget {
  #values;
  #pending = {};
  #timer = null;

  constructor() {
    super();
    const defaults = { camera: "", resolution: "640x480", mirror: true, ...pageData.settings };
    const asked = new URLSearchParams(location.search).get("model");
    this.#values = { ...defaults, ...remembered(), ...(asked && { model: asked }) };
    for (const [name, allowed] of [
      ["view", [...pageData.views, ...pageData.performers].map((view) => view.name)],
      ["model", pageData.models],
      ["long_side", pageData.long_sides],
    ]) {
      if (!allowed.includes(this.#values[name])) this.#values[name] = defaults[name];
    }
    if (asked) remember(KEY, JSON.stringify(this.#values));
    this.#buildViews();
    this.showPerformers(pageData.performers);
    this.#buildFields();
    this.show();
  }

  get(name) {
    return this.#values[name];
  }

  /** What a new session begins with. */
  forServer() {
    return Object.fromEntries(SERVER_SIDE.map((name) => [name, this.#values[name]]));
  }

  /** The person chose something. */
  choose(name, value) {
    if (this.#values[name] === value) return;
    this.#values[name] = value;
    remember(KEY, JSON.stringify(this.#values));
    this.show();
    if (SERVER_SIDE.includes(name)) {
      this.#pending[name] = value;
      this.#timer ??= setTimeout(() => this.#flush(), SEND_MS);
    } else if (name === "camera" || name === "resolution") {
      this.dispatchEvent(new CustomEvent("camera"));
    }
  }

  /** What the server says is in force. */
  confirm(message) {
    for (const name of SERVER_SIDE) {
      if (name in message && !(name in this.#pending)) this.#values[name] = message[name];
    }
    this.show();
  }

  /** Cameras to choose from, and the one in use. */
  showCameras(cameras, current) {
    const select = element("camera");
    select.replaceChildren(...cameras.map(({ id, name }) => new Option(name, id)));
    if (current) select.value = current;
    select.disabled = cameras.length < 2;
  }

  /** Who can be shown instead of the dancer, each `{name, title, picture}`. */
  showPerformers(performers) {
    element("performers").hidden = performers.length === 0;
    element("performer-row").replaceChildren(
      ...performers.map(({ name, title, picture }) => {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "performer";
        button.dataset.view = name;
        button.setAttribute("role", "radio");
        const image = new Image();
        image.src = picture;
        image.alt = "";
        const caption = document.createElement("span");
        caption.textContent = title;
        button.append(image, caption);
        button.addEventListener("click", () => this.choose("view", name));
        return button;
      }),
    );
    this.show();
  }

  show() {
    const values = this.#values;
    for (const group of [element("views"), element("performer-row")]) {
      const buttons = [...group.children];
      const chosen = buttons.find((button) => button.dataset.view === values.view);
      for (const button of buttons) {
        button.setAttribute("aria-checked", button === chosen);
        button.tabIndex = button === (chosen ?? buttons[0]) ? 0 : -1;
      }
    }
    element("opacity").value = values.opacity;
    element("opacity-value").textContent = `${Math.round(values.opacity * 100)} %`;
    element("threshold").value = values.threshold;
    element("threshold-value").textContent = `${Math.round(values.threshold * 100)} %`;
    element("model").value = values.model;
    const oneSize = pageData.one_size_models.includes(values.model);
    element("long-side").value = values.long_side;
    element("long-side-field").hidden = oneSize;
    element("resolution").value = values.resolution;
    element("mirror").checked = values.mirror;
    element("stage").classList.toggle("mirrored", values.mirror);
  }

  #flush() {
    this.#timer = null;
    const detail = this.#pending;
    this.#pending = {};
    this.dispatchEvent(new CustomEvent("server", { detail }));
  }

  #buildViews() {
    const grid = element("views");
    for (const group of [grid, element("performer-row")]) walkable(group);
    pageData.views.forEach(({ name, title }, number) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "view";
      button.dataset.view = name;
      button.setAttribute("role", "radio");
      const key = document.createElement("kbd");
      key.textContent = number + 1;
      button.append(title, key);
      button.addEventListener("click", () => this.choose("view", name));
      grid.append(button);
    });
  }

  #buildFields() {
    element("model").replaceChildren(...pageData.models.map((name) => new Option(name, name)));
    element("model-why").textContent = pageData.model_why;
    element("model-why").hidden = !pageData.model_why;
    element("long-side").replaceChildren(
      ...pageData.long_sides.map((pixels) => new Option(`${pixels} pixels`, pixels)),
    );
    const fields = {
      camera: ["camera", "change", (field) => field.value],
      resolution: ["resolution", "change", (field) => field.value],
      mirror: ["mirror", "change", (field) => field.checked],
      opacity: ["opacity", "input", (field) => Number(field.value)],
      threshold: ["threshold", "input", (field) => Number(field.value)],
      model: ["model", "change", (field) => field.value],
      "long-side": ["long_side", "change", (field) => Number(field.value)],
    };
    for (const [id, [name, event, read]] of Object.entries(fields)) {
      element(id).addEventListener(event, () => this.choose(name, read(element(id))));
    }
  }
}

/** Arrow keys go from button to button of a group, as in any group of radio buttons. */
function walkable(group) {
  group.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = [...group.children];
    const next = buttons.indexOf(document.activeElement) + step;
    const button = buttons[(next + buttons.length) % buttons.length];
    button.focus();
    button.click();
  });
}

function remembered() {
  try {
    return JSON.parse(recall(KEY)) ?? {};
  } catch {
    return {};
  }
}
