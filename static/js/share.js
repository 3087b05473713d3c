// "Share": links to one film or dataset, as an address and a QR code, and how to take them back.

import { api, at } from "./api.js";
import { make } from "./make.js";
import { toast } from "./toasts.js";
import { when } from "./wording.js";

const element = (id) => document.getElementById(id);
const LOOPBACK = /^(localhost|127\.|\[::1\])/;

/** With which a link begins as others reach it. */
const originFor = (reach) =>
  LOOPBACK.test(location.hostname) && reach.origin ? reach.origin : location.origin;

/** The dialog of `share_dialog.html`. */
export class ShareDialog {
  #target = null;
  #kind = "film";

  constructor() {
    element("share-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#make();
    });
    element("share-close").addEventListener("click", () => element("share-dialog").close());
  }

  /** `kind`: "film" or "dataset"; `target`: its id. */
  open(kind, target, title) {
    [this.#kind, this.#target] = [kind, target];
    element("share-title").textContent = `Share “${title}”`;
    element("share-data-field").hidden = kind !== "dataset";
    element("share-dialog").showModal();
    this.#show();
  }

  async #make() {
    const form = new FormData(element("share-form"));
    element("share-make").disabled = true;
    try {
      await api("/api/shares", {
        method: "POST",
        body: {
          kind: this.#kind,
          target: this.#target,
          days: Number(form.get("days")),
          data: form.get("data") === "on",
        },
      });
      await this.#show();
    } catch (error) {
      toast(error.message, "bad");
    }
    element("share-make").disabled = false;
  }

  async #show() {
    const { shares, reach } = await api("/api/shares").catch(() => ({ shares: [], reach: {} }));
    const mine = shares.filter(({ target }) => target === this.#target);
    element("share-links").hidden = mine.length === 0;
    element("share-make").textContent = mine.length ? "Make another link" : "Make a link";
    element("share-links").replaceChildren(
      make("p", `small notice ${reach.others ? "" : "notice-warn"}`, reach.sentence ?? ""),
      ...mine.map((share) => this.#link(share, reach)),
    );
  }

  #link(share, reach) {
    const origin = originFor(reach);
    const address = origin + at(share.path);
    const item = make("article", "share-link");
    if (reach.others) {
      const code = make("img", "share-code");
      code.src = at(`/api/shares/${share.token}/qr.svg?origin=${encodeURIComponent(origin)}`);
      code.alt = "The link as a QR code";
      code.width = code.height = 164;
      item.append(code);
    }
    const text = make("div", "share-text");
    const field = make("input", "share-address");
    field.type = "text";
    field.readOnly = true;
    field.value = address;
    field.setAttribute("aria-label", "The link");
    field.addEventListener("focus", () => field.select());
    const buttons = make("div", "job-actions");
    buttons.append(
      button("Copy", async () => {
        field.select();
        await navigator.clipboard.writeText(address);
        toast("Copied.", "good");
      }),
      button("Take it back", async () => {
        await api(`/api/shares/${share.token}`, { method: "DELETE" });
        toast("The link leads nowhere now.", "good");
        await this.#show();
      }, "button-danger"),
    );
    const open = make("a", "button button-small button-quiet", "Open");
    open.href = at(share.path);
    open.target = "_blank";
    open.rel = "noopener";
    buttons.append(open);
    text.append(field, make("p", "small soft", `Until ${when(share.expires)}${share.data ? ", with the files" : ""}.`), buttons);
    item.append(text);
    return item;
  }
}

function button(text, action, kind = "") {
  const made = make("button", `button button-small ${kind}`, text);
  made.type = "button";
  made.addEventListener("click", async () => {
    made.disabled = true;
    try {
      await action();
    } catch (error) {
      toast(error.message ?? "That did not work: copy the link by hand.", "bad");
    }
    made.disabled = false;
  });
  return made;
}
