// After a thin line a browser's own estimate grows back by a few per cent a second. When its
// ceiling (b=AS in the answer) is raised, it sends a short burst to see whether the line carries
// that much: so the ceiling is lowered to just above the estimate and raised again.

import { uplinkOf } from "./line.js";

const WISH_KBPS = 2_500; // With so much a recording looks good.
const STEP = 3; // The burst asks for so many times the estimate.
const HIGHEST_KBPS = 6_000;
const PAUSE_MS = 3_000;
const LONGEST_PAUSE_MS = 12_000;

export class Uplink {
  #connection;
  #answer;
  #next = 0;
  #pause = PAUSE_MS;
  #before = 0;
  #busy = false;
  #ceiling = null; // kbit/s that the browser is allowed now; null: all.

  /** `answer`: the server's, as it was set on this connection. */
  constructor(connection, answer) {
    this.#connection = connection;
    this.#answer = answer;
    this.#next = performance.now() + 2 * PAUSE_MS;
  }

  /** Look at the connection's figures; try for more when there may be more. */
  async look(report) {
    const { kbps } = uplinkOf(report);
    if (this.#busy || kbps === null || document.hidden) return;
    const now = performance.now();
    const grown = this.#ceiling !== null && kbps > 0.8 * this.#ceiling;
    if (!grown && (kbps > WISH_KBPS || now < this.#next)) return;
    // The last burst was of no use: on a line that is really thin, they become rare.
    this.#pause = kbps > 1.3 * this.#before ? PAUSE_MS : Math.min(2 * this.#pause, LONGEST_PAUSE_MS);
    this.#before = kbps;
    this.#next = now + this.#pause;
    this.#busy = true;
    try {
      if (!grown) await this.#setCeiling(Math.ceil(1.1 * kbps));
      await this.#setCeiling(STEP * kbps < HIGHEST_KBPS ? Math.ceil(STEP * kbps) : null);
    } catch {
      this.#next = Infinity; // This browser does not like it: its own growth must do.
    } finally {
      this.#busy = false;
    }
  }

  async #setCeiling(kbps) {
    this.#ceiling = kbps;
    const connection = this.#connection;
    if (connection.signalingState !== "stable") return;
    await connection.setLocalDescription(await connection.createOffer());
    await connection.setRemoteDescription({ type: "answer", sdp: withCeiling(this.#answer, kbps) });
  }
}

/** The answer with this much, kbit/s, allowed to its video; null: with no ceiling. */
export function withCeiling(sdp, kbps) {
  const line = kbps === null ? "" : `b=AS:${kbps}\r\n`;
  return sdp.replace(/^(m=video[^\r\n]*\r\n(?:c=[^\r\n]*\r\n)?)(?:b=AS:\d+\r\n)?/m, `$1${line}`);
}
