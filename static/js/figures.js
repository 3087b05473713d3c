// The overlay of live figures, for whoever wants to know what is slow.

import { lineRows, lineSentence, uplinkOf } from "./line.js";
import { recall, remember } from "./memory.js";

const SLOW_MS = 4_000;
const BUSY_MS = 150;
const element = (id) => document.getElementById(id);
const STAGES = ["convert", "resize", "invoke", "decode", "follow", "labels", "compose", "encode"];

export class Figures {
  #ping = [];
  #slow = { now: false, since: 0, saidAt: -Infinity };
  #browser = { decoded: 0, at: 0, fps: 0 };

  constructor(session) {
    this.session = session;
    this.visible = recall("figures") === "yes";
    this.#apply();
    session.addEventListener("ping", ({ detail }) => {
      this.#ping = [...this.#ping.slice(-9), detail];
    });
  }

  toggle() {
    this.visible = !this.visible;
    remember("figures", this.visible ? "yes" : "no");
    this.#apply();
  }

  async show(stats) {
    const report = await this.session.figures();
    const up = uplinkOf(report);
    // A server that is late with its pictures is late with its packets too: no word on the line.
    this.#say(stats.in_out_ms.p95 > BUSY_MS ? "" : lineSentence(stats.line, up));
    if (!this.visible) return;
    this.#count(report);
    const rows = {
      "frames in / analysed / out": `${stats.fps_in} / ${stats.fps_analysed} / ${stats.fps_out} fps`,
      "shown here": `${this.#browser.fps.toFixed(1)} fps`,
      "in the server, p50 / p95": `${stats.in_out_ms.p50} / ${stats.in_out_ms.p95} ms`,
      "round trip": this.#ping.length ? `${Math.round(median(this.#ping))} ms` : "–",
      "bitrate up / down": `${stats.kbps_in} / ${stats.kbps_out} kbit/s`,
      ...lineRows(stats.line, up),
      "frames left out": `${stats.dropped}`,
      picture: `${stats.size[0]} × ${stats.size[1]}, ${stats.people} ${stats.people === 1 ? "person" : "people"}`,
      network: `${stats.model} (${stats.device})`,
    };
    for (const stage of STAGES) {
      if (stage in stats.stages) rows[stage] = `${stats.stages[stage].toFixed(1)} ms`;
    }
    element("figures").replaceChildren(
      ...Object.entries(rows).flatMap(([name, value]) => {
        const term = document.createElement("dt");
        const text = document.createElement("dd");
        term.textContent = name;
        text.textContent = value;
        return [term, text];
      }),
    );
  }

  /**
   * One sentence under the picture when it is the line that is slow, and stays so. It does not come
   * and go, nor change its numbers, faster than one can read.
   */
  #say(sentence) {
    const now = performance.now();
    const slow = this.#slow;
    if (Boolean(sentence) !== slow.now) Object.assign(slow, { now: Boolean(sentence), since: now });
    if (now - slow.since < SLOW_MS || (sentence && now - slow.saidAt < SLOW_MS)) return;
    slow.saidAt = now;
    element("line-sentence").textContent = sentence;
    element("line-sentence").hidden = !sentence;
  }

  #count(reports) {
    for (const report of reports.values()) {
      if (report.type !== "inbound-rtp" || report.kind !== "video") continue;
      const seconds = (report.timestamp - this.#browser.at) / 1000;
      const frames = report.framesDecoded - this.#browser.decoded;
      if (seconds > 0.5) {
        const fps = frames >= 0 && seconds < 5 ? frames / seconds : 0;
        this.#browser = { decoded: report.framesDecoded, at: report.timestamp, fps };
      }
    }
  }

  #apply() {
    element("figures").hidden = !this.visible;
    element("stats-toggle").setAttribute("aria-pressed", this.visible);
  }
}

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
