// One call with the server: video both ways and the control channel. It mends itself when it breaks.

import { at, Refused, wait } from "./api.js";
import { PictureWatch } from "./picture_watch.js";
import { RtcCall } from "./rtc_call.js";
import { SocketCall } from "./socket_call.js";

const CONNECT_MS = 10_000;
const LOOK_MS = 300;
const SILENT_MS = 1_200; // When nothing comes for so long, another way is tried beside the old one.
const TRY_PAUSE_MS = 500;
const STUCK_MS = 12_000;
const PING_MS = 1_000;

const NO_WAY =
  "No way was found between browser and server: a firewall may keep UDP out. " +
  "The user guide says how to open ports or use a TURN server.";

/**
 * Events: "state" (detail: connecting, live, reconnecting, full, failed, with a sentence),
 * "stalled" (detail: a sentence, or "" when the picture moves again), "picture" (detail: MediaStream), "message" (detail: a message of the control channel), "ping" (ms).
 */
export class Session extends EventTarget {
  #call = null; // An `RtcCall`.
  #trial = null; // Another, which takes its place when it is up, while the old one may still come back.
  #tryAt = 0;
  #began = 0;
  #track = null;
  #token = null;
  #id = null;
  #timers = [];
  #heard = 0;
  #pictures = new PictureWatch();
  #socket = null; // A `SocketCall`, where UDP is kept out.
  #ended = false;
  #attempt = 0;
  #settings = () => ({});
  #withSound = false;
  #sound = null; // The microphone's track, once it is wanted.

  /**
   * `settings()` gives what the page wants to be in force, for every new connection; `sound`: a
   * microphone may join later. Until then nothing of it is sent.
   */
  constructor(settings, { sound = false } = {}) {
    super();
    this.#settings = settings;
    this.#withSound = sound;
    addEventListener("pagehide", () => this.#leave());
    addEventListener("pageshow", (event) => {
      if (event.persisted && this.#track) this.connect(this.#track);
    });
    addEventListener("online", () => {
      if (this.state === "reconnecting") this.#again(0);
      else if (this.#call && this.state === "live" && this.#silence > LOOK_MS) this.#try();
    });
  }

  state = "idle";
  /** Why the picture stands still, in a sentence; empty while it moves. */
  stalled = "";

  /** Begin, or begin anew, with this video track. */
  async connect(track) {
    this.#track = track;
    this.#ended = false;
    this.#attempt = 0;
    await this.#dial("connecting");
  }

  /** Send another camera or file from now on; nothing else changes. */
  async replaceTrack(track) {
    this.#track = track;
    if (this.#socket) this.#socket.replaceTrack(track);
    else if (this.#call && this.#call.state !== "closed") {
      await Promise.all([this.#call.replaceTrack(track), this.#trial?.replaceTrack(track)]);
    } else await this.connect(track);
  }

  /** Send this microphone's track too, or none any more (null). */
  async setSound(track) {
    this.#sound = track;
    await Promise.all([this.#call?.setSound(track), this.#trial?.setSound(track)]);
  }

  /** Send a control message; false when there is no channel to send it on. */
  send(type, fields = {}) {
    const text = JSON.stringify({ type, ...fields });
    return (this.#socket ?? this.#call)?.send(text) ?? false;
  }

  /** The browser's own figures of the connection. */
  async figures() {
    return (this.#socket ?? this.#call)?.getStats() ?? new Map();
  }

  #tell(state, sentence = "") {
    this.state = state;
    document.body.dataset.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: { state, sentence } }));
  }

  async #dial(state) {
    this.#hangUp();
    this.#tell(state);
    let call = null;
    try {
      call = this.#call = this.#newCall();
      await call.open(this.#token, this.#settings());
      if (this.#call !== call) return;
      this.#watch(call);
    } catch (error) {
      if (this.#call !== call) return;
      this.#hangUp();
      if (error.code === "full") {
        this.#tell("full", error.message);
        this.#again(5_000);
      } else if (error.status === 0 && state === "reconnecting") this.#again();
      else if (error instanceof Refused) this.#tell("failed", error.message);
      else this.#tell("failed", `This browser could not set up the call: ${error.message}`);
    }
  }

  #newCall() {
    const call = new RtcCall(this.#track, this.#withSound, this.#sound);
    call.addEventListener("message", ({ detail }) => {
      if (call === this.#trial) this.#changeTo(call);
      if (call === this.#call) this.#hear(detail);
    });
    call.addEventListener("picture", () => {
      if (call === this.#call) this.#show(call.stream);
    });
    call.addEventListener("change", () => {
      if (call === this.#call && call.token) this.#check(call);
      else if (call !== this.#trial) return;
      else if (call.state === "connected") this.#changeTo(call);
      else if (call.state === "failed") this.#noOtherWay();
    });
    return call;
  }

  #show(stream) {
    this.dispatchEvent(new CustomEvent("picture", { detail: stream }));
  }

  /** A call that was answered: what comes of it? */
  #watch(call) {
    [this.#id, this.#token] = [call.id, call.token];
    this.#heard = this.#began = performance.now();
    this.#pictures.restart();
    this.#timers.push(setInterval(() => this.#check(call), LOOK_MS));
    this.#timers.push(setInterval(() => this.send("ping", { t: performance.now() }), PING_MS));
  }

  #check(call) {
    const { state } = call;
    if (state === "connected" && this.state !== "live") {
      this.#attempt = 0;
      this.#pictures.restart();
      this.#tell("live");
    } else if (state === "failed" || state === "closed") {
      if (this.#trial?.token) return; // It is on its way.
      if (this.state === "live" || this.#attempt) this.#again();
      else this.#dialSocket();
    } else if (this.state === "live") this.#look(call);
    else if (performance.now() - this.#began > CONNECT_MS) {
      if (this.#attempt === 1) this.#again();
      else this.#dialSocket();
    }
  }

  /** Say so when the picture stands still, and try another way when that can help. */
  async #look(call) {
    const report = await call.look();
    if (this.#call !== call || this.state !== "live") return;
    this.#say(this.#pictures.look(report, this.#heard));
    // A line that is cut may come back, and the call with it. But its way may be gone for good
    // (another network, a server that began anew).
    const lost = call.state === "disconnected" || this.#silence > SILENT_MS;
    if (lost || this.#pictures.stoodFor > STUCK_MS) this.#try();
    else if (this.#trial && !this.#trial.token) this.#dropTrial();
  }

  /** Milliseconds since anything came from the server. */
  get #silence() {
    return Math.min(this.#pictures.silentFor, performance.now() - this.#heard);
  }

  /** Dial another call; the old one's place is taken only when that one is up. */
  async #try() {
    if (this.#trial || performance.now() < this.#tryAt) return;
    const trial = (this.#trial = this.#newCall());
    try {
      await trial.open(this.#token, this.#settings());
      await wait(CONNECT_MS);
      if (this.#trial === trial) this.#noOtherWay();
    } catch {
      if (this.#trial === trial) this.#dropTrial(); // Not reached: once more, soon.
    }
  }

  #dropTrial() {
    this.#trial?.close();
    this.#trial = null;
    this.#tryAt = performance.now() + TRY_PAUSE_MS;
  }

  /** The server was reached, but not by UDP. */
  #noOtherWay() {
    this.#dropTrial();
    if (this.#silence > SILENT_MS) this.#dialSocket();
  }

  #changeTo(call) {
    this.#trial = null;
    this.#hangUp();
    this.#call = call;
    this.#watch(call);
    this.dispatchEvent(new CustomEvent("stalled", { detail: "" }));
    if (call.stream) this.#show(call.stream);
  }

  #hear(message) {
    this.#heard = performance.now();
    if (message.type === "pong") {
      this.dispatchEvent(new CustomEvent("ping", { detail: performance.now() - message.t }));
      return;
    }
    this.dispatchEvent(new CustomEvent("message", { detail: message }));
  }

  /** Whether pictures go through a WebSocket, because UDP does not get through. */
  get overSocket() {
    return this.#socket !== null;
  }

  /** WebRTC found no way: all goes through one WebSocket then. */
  #dialSocket() {
    this.#hangUp();
    const hello = { resume: this.#token, settings: this.#settings() };
    const call = (this.#socket = new SocketCall(this.#track, hello));
    let opened = false;
    call.addEventListener("open", ({ detail: { id, token } }) => {
      opened = true;
      [this.#id, this.#token, this.#attempt] = [id, token, 0];
      this.#heard = performance.now();
      this.#pictures.restart();
      this.#tell("live");
      this.#timers.push(setInterval(() => this.#lookAtSocket(call), LOOK_MS));
      this.#timers.push(setInterval(() => this.send("ping", { t: performance.now() }), PING_MS));
    });
    for (const kind of ["picture", "message"]) {
      call.addEventListener(kind, ({ detail }) => {
        if (kind === "message") this.#hear(detail);
        else this.dispatchEvent(new CustomEvent(kind, { detail }));
      });
    }
    call.addEventListener("closed", ({ detail: refused }) => {
      if (this.#socket !== call) return;
      if (refused?.code === "full") {
        this.#tell("full", refused.message);
        this.#again(5_000);
      } else if (refused || (!opened && !this.#attempt)) {
        this.#hangUp();
        this.#tell("failed", refused?.message ?? NO_WAY);
      } else this.#again();
    });
  }

  async #lookAtSocket(call) {
    const report = await call.getStats();
    if (this.#socket !== call) return;
    this.#say(this.#pictures.look(report, this.#heard));
    if (this.stalled && performance.now() - this.#heard > STUCK_MS) this.#again();
  }

  #say(sentence) {
    if (sentence === this.stalled) return;
    this.stalled = sentence;
    this.dispatchEvent(new CustomEvent("stalled", { detail: sentence }));
  }

  async #again(pause = Math.min(500 * 2 ** this.#attempt, 8_000)) {
    if (this.#ended) return;
    this.#attempt += 1;
    const overSocket = this.overSocket;
    this.#hangUp();
    if (this.state !== "full") this.#tell("reconnecting", "The connection was lost. Connecting again …");
    const attempt = this.#attempt;
    await wait(pause);
    if (attempt === this.#attempt && !this.#ended) {
      if (overSocket) return this.#dialSocket();
      await this.#dial(this.state === "full" ? "connecting" : "reconnecting");
    }
  }

  #hangUp() {
    this.#timers.forEach(clearInterval);
    this.#timers = [];
    this.stalled = "";
    this.#call?.close();
    this.#trial?.close();
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#call = this.#trial = null;
  }

  #leave() {
    this.#ended = true;
    if (this.#id) navigator.sendBeacon(at(`/api/sessions/${this.#id}/close`));
    this.#hangUp();
  }
}
