// Does the picture move? When it stands still: since when, and why, as far as the browser knows.

const SAY_MS = 2_300; // Looked at twice a second: said within three.

const CUT = "Nothing comes from the server any more: the line is cut. I go on trying …";
const SLOW = "The line is too slow, or loses too much, for a picture right now. Waiting for it …";
const SERVER = "The server sends no picture right now. Waiting for it …";

export class PictureWatch {
  #decoded = -1;
  #bytes = 0;
  #movedAt = 0;
  #bytesAt = 0;

  constructor() {
    this.restart();
    // In the background timers slow down and pictures stop: that is no bad line.
    document.addEventListener("visibilitychange", () => this.restart());
  }

  /** A new connection, or a page that was in the background: count from now. */
  restart() {
    this.#movedAt = this.#bytesAt = performance.now();
  }

  /** Milliseconds since the picture last moved. */
  get stoodFor() {
    return document.hidden ? 0 : performance.now() - this.#movedAt;
  }

  /** Milliseconds since any of the picture came in. */
  get silentFor() {
    return document.hidden ? 0 : performance.now() - this.#bytesAt;
  }

  /** Look at a connection's figures; `heardAt`: when the server last said anything. */
  look(report, heardAt) {
    const now = performance.now();
    for (const one of report.values()) {
      if (one.type !== "inbound-rtp" || one.kind !== "video") continue;
      if (one.framesDecoded !== this.#decoded) this.#movedAt = now;
      if (one.bytesReceived !== this.#bytes) this.#bytesAt = now;
      [this.#decoded, this.#bytes] = [one.framesDecoded, one.bytesReceived];
    }
    if (this.stoodFor < SAY_MS) return "";
    if (this.silentFor < SAY_MS) return SLOW;
    return now - heardAt < SAY_MS ? SERVER : CUT;
  }
}
