// What the player shows: side by side or overlaid, which layers; remembered from page to page.

import { recall, remember } from "./memory.js";

const element = (id) => document.getElementById(id);
const STORE = "review";
const PLAY = "M8 5v14l11-7z";
const PAUSE = "M7 5h3.5v14H7zM13.5 5H17v14h-3.5z";

/** Let the controls below the player switch its layers. */
export function listenToLayers(player) {
  const stored = remembered();
  player.overlaid = stored.overlaid === true;
  for (const name of Object.keys(player.layers)) {
    if (typeof stored[name] === typeof player.layers[name]) player.layers[name] = stored[name];
  }
  element("show-skeleton").checked = player.layers.skeleton;
  element("show-frame").checked = player.layers.frame;
  element("opacity").value = player.layers.opacity;
  const changed = () => {
    showLayout(player.overlaid);
    player.draw();
    remember(STORE, JSON.stringify({ overlaid: player.overlaid, ...player.layers }));
  };
  for (const button of document.querySelectorAll("button[data-layout]")) {
    button.addEventListener("click", () => {
      player.overlaid = button.dataset.layout === "over";
      changed();
    });
  }
  element("show-skeleton").addEventListener("change", ({ target }) => {
    player.layers.skeleton = target.checked;
    changed();
  });
  element("show-frame").addEventListener("change", ({ target }) => {
    player.layers.frame = target.checked;
    changed();
  });
  element("opacity").addEventListener("input", ({ target }) => {
    player.layers.opacity = Number(target.value);
    changed();
  });
  showLayout(player.overlaid);
}

/** The button says what it would do. */
export function showPlaying({ playing }) {
  const word = playing ? "Pause" : "Play";
  element("play").setAttribute("aria-label", word);
  element("play").title = `${word} (space)`;
  element("play-icon").setAttribute("d", playing ? PAUSE : PLAY);
}

function showLayout(overlaid) {
  element("screens").dataset.layout = overlaid ? "over" : "side";
  element("mask-figure").hidden = overlaid;
  for (const one of document.querySelectorAll(".over-only")) one.hidden = !overlaid;
  for (const button of document.querySelectorAll("button[data-layout]")) {
    button.setAttribute("aria-pressed", (button.dataset.layout === "over") === overlaid);
  }
  element("frame-caption").textContent = overlaid ? "Everything overlaid" : "Frame";
}

function remembered() {
  try {
    return JSON.parse(recall(STORE)) ?? {};
  } catch {
    return {};
  }
}
