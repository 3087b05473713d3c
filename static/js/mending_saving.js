// Edits on their way to the server: soon after each change, one request at a time, all or none.
// Whoever else mends the dataset meanwhile is noticed by its revision.

import { api } from "./api.js";

const SOON_MS = 300;
const AGAIN_MS = 4000;

export class Saving {
  #base = new Map(); // Index -> the edits that the server has, as text.
  #dirty = new Set();
  #sending = false;
  #timer = 0;

  /**
   * `edits`: an `Edits`. `said(sentence, kind)` is told how it stands ("saved", "saving", "bad").
   * `newest(data)`: somebody else changed the same frames, and this is the dataset now.
   */
  constructor({ url, edits, said, newest }) {
    Object.assign(this, { url, edits, said, newest });
    this.revision = "";
    addEventListener("beforeunload", (event) => this.unsaved && event.preventDefault());
    document.addEventListener("visibilitychange", () => {
      if (document.hidden && this.#dirty.size) this.#send();
    });
  }

  get unsaved() {
    return this.#dirty.size > 0 || this.#sending;
  }

  /** What the server has. */
  setPairs(pairs, revision) {
    this.revision = revision;
    this.#base = new Map(pairs.map((pair) => [pair.index, JSON.stringify(pair.edits)]));
    this.#dirty.clear();
  }

  /** These places were edited. */
  changed(places) {
    for (const place of places) this.#dirty.add(this.edits.pairs[place].index);
    this.said("Saving …", "saving");
    this.#soon(SOON_MS);
  }

  #soon(milliseconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#send(), milliseconds);
  }

  async #send() {
    if (this.#sending || !this.#dirty.size) return;
    const wanted = new Map(
      this.edits.pairs.filter(({ index }) => this.#dirty.has(index)).map((pair) => [pair.index, pair.edits]),
    );
    this.#dirty.clear();
    this.#sending = true;
    let again = 0;
    try {
      const body = { revision: this.revision, edits: Object.fromEntries(wanted) };
      this.revision = (await api(`${this.url}/edits`, { method: "PATCH", body })).revision;
      for (const [index, edits] of wanted) this.#base.set(index, JSON.stringify(edits));
    } catch (error) {
      for (const index of wanted.keys()) this.#dirty.add(index);
      again = AGAIN_MS;
      if (error.code === "changed") again = await this.#catchUp(error);
      else this.said(`Not saved yet. ${error.message}`, "bad");
    }
    this.#sending = false;
    if (this.#dirty.size) this.#soon(again);
    else if (!again) this.said("All saved.", "saved");
  }

  /** Somebody else was quicker: go on where other frames were mended, else show theirs. */
  async #catchUp({ message }) {
    let data;
    try {
      data = await api(this.url);
    } catch (error) {
      this.said(`Not saved yet. ${error.message}`, "bad");
      return AGAIN_MS;
    }
    const theirs = new Map(data.pairs.map((pair) => [pair.index, pair]));
    const mine = new Map(this.edits.pairs.map((pair) => [pair.index, pair]));
    const free = [...this.#dirty].every((index) => {
      const now = theirs.get(index);
      return now && now.time_s === mine.get(index).time_s && JSON.stringify(now.edits) === this.#base.get(index);
    });
    if (free && theirs.size === mine.size) {
      const dirty = new Set(this.#dirty);
      this.setPairs(data.pairs, data.revision);
      this.#dirty = dirty;
      for (const pair of this.edits.pairs) {
        if (!dirty.has(pair.index)) pair.edits = theirs.get(pair.index).edits;
      }
      return SOON_MS;
    }
    this.setPairs(data.pairs, data.revision);
    this.newest(data);
    this.said(`Your last change was not kept. ${message}`, "bad");
    return AGAIN_MS;
  }
}
