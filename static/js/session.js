// One call with the server: video both ways and the control channel. It mends itself when it breaks.

import { api, at, pageData, Refused, wait } from "./api.js";
import { PictureWatch } from "./picture_watch.js";
import { SocketCall } from "./socket_call.js";
import { Uplink } from "./uplink.js";

const ANSWER_MS = 30_000;
const CONNECT_MS = 10_000;
const GATHER_MS = 2_000;
const LOOK_MS = 500;
const REACHED_MS = 1_500; // So long after the server was reached again, the old call has its chance.
const STUCK_MS = 12_000;
const PING_MS = 1_000;
const MAX_BITRATE = { small: 6_000_000, large: 9_000_000 };

const NO_WAY =
  "No way was found between browser and server: a firewall may keep UDP out. " +
  "The user guide says how to open ports or use a TURN server.";

/**
 * Events: "state" (detail: connecting, live, reconnecting, full, failed, with a sentence),
 * "stalled" (detail: a sentence, or "" when the picture moves again), "picture" (detail: MediaStream), "message" (detail: a message of the control channel), "ping" (ms).
 */
export class Session extends EventTarget {
  #connection = null;
  #channel = null;
  #sender = null;
  #track = null;
  #token = null;
  #id = null;
  #timers = [];
  #heard = 0;
  #reachedAt = 0;
  #reaching = false;
  #pictures = new PictureWatch();
  #uplink = null;
  #socket = null; // A `SocketCall`, where UDP is kept out.
  #ended = false;
  #attempt = 0;
  #settings = () => ({});
  #withSound = false;
  #sound = null; // The microphone's track, once it is wanted.
  #soundSender = null;

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
    else if (this.#sender && this.#connection?.connectionState !== "closed") {
      await this.#sender.replaceTrack(track);
      await this.#setBitrate();
    } else await this.connect(track);
  }

  /** Send this microphone's track too, or none any more (null). */
  async setSound(track) {
    this.#sound = track;
    if (this.#connection?.connectionState !== "closed") await this.#soundSender?.replaceTrack(track);
  }

  /** Send a control message; false when there is no channel to send it on. */
  send(type, fields = {}) {
    const text = JSON.stringify({ type, ...fields });
    if (this.#socket) return this.#socket.send(text);
    if (this.#channel?.readyState !== "open") return false;
    this.#channel.send(text);
    return true;
  }

  /** The browser's own figures of the connection. */
  async figures() {
    return (this.#socket ?? this.#connection)?.getStats() ?? new Map();
  }

  #tell(state, sentence = "") {
    this.state = state;
    document.body.dataset.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: { state, sentence } }));
  }

  async #dial(state) {
    this.#hangUp();
    this.#tell(state);
    let connection = null;
    try {
      connection = this.#connection = new RTCPeerConnection({ iceServers: pageData.ice_servers });
      await this.#offer(connection);
      if (this.#connection !== connection) return;
      this.#watch(connection);
    } catch (error) {
      if (this.#connection !== connection) return;
      this.#hangUp();
      if (error.code === "full") {
        this.#tell("full", error.message);
        this.#again(5_000);
      } else if (error.status === 0 && state === "reconnecting") this.#again();
      else if (error instanceof Refused) this.#tell("failed", error.message);
      else this.#tell("failed", `This browser could not set up the call: ${error.message}`);
    }
  }

  async #offer(connection) {
    const channel = connection.createDataChannel("control");
    this.#channel = channel;
    channel.addEventListener("message", (event) => this.#hear(JSON.parse(event.data)));
    const transceiver = connection.addTransceiver(this.#track, { direction: "sendrecv" });
    this.#sender = transceiver.sender;
    preferH264(transceiver);
    if (this.#withSound) {
      const microphone = connection.addTransceiver(this.#sound ?? "audio", { direction: "sendonly" });
      this.#soundSender = microphone.sender;
    }
    connection.addEventListener("track", ({ track, receiver }) => {
      // As little delay as the network allows: this is a mirror.
      if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
      else if ("playoutDelayHint" in receiver) receiver.playoutDelayHint = 0;
      this.dispatchEvent(new CustomEvent("picture", { detail: new MediaStream([track]) }));
    });
    await connection.setLocalDescription(await connection.createOffer());
    await gathered(connection);
    const answer = await api("/api/sessions", {
      method: "POST",
      signal: AbortSignal.timeout(ANSWER_MS),
      body: {
        sdp: connection.localDescription.sdp,
        type: "offer",
        resume: this.#token,
        settings: this.#settings(),
      },
    });
    this.#token = answer.token;
    this.#id = answer.id;
    await connection.setRemoteDescription({ type: "answer", sdp: answer.sdp });
    this.#uplink = new Uplink(connection, answer.sdp);
    await this.#setBitrate();
  }

  async #setBitrate() {
    const parameters = this.#sender.getParameters();
    if (!parameters.encodings?.length) return;
    const { width = 640, height = 480 } = this.#track.getSettings?.() ?? {};
    const large = width * height > 640 * 480;
    parameters.encodings[0].maxBitrate = large ? MAX_BITRATE.large : MAX_BITRATE.small;
    parameters.degradationPreference = "maintain-resolution";
    await this.#sender.setParameters(parameters).catch(() => {});
  }

  #watch(connection) {
    this.#heard = performance.now();
    this.#pictures.restart();
    const began = performance.now();
    const check = () => {
      const state = connection.connectionState;
      if (state === "connected" && this.state !== "live") {
        this.#attempt = 0;
        this.#pictures.restart();
        this.#tell("live");
      } else if (state === "failed" || state === "closed") {
        if (this.state === "live" || this.#attempt) this.#again();
        else this.#dialSocket();
      } else if (this.state === "live") this.#look(connection);
      else if (performance.now() - began > CONNECT_MS) {
        if (this.#attempt) this.#again();
        else this.#dialSocket();
      }
    };
    connection.addEventListener("connectionstatechange", check);
    this.#timers.push(setInterval(check, LOOK_MS));
    this.#timers.push(setInterval(() => this.send("ping", { t: performance.now() }), PING_MS));
  }

  /** Say so when the picture stands still, and dial anew when that can help. */
  async #look(connection) {
    const report = await connection.getStats();
    if (this.#connection !== connection || this.state !== "live") return;
    this.#uplink?.look(report);
    this.#say(this.#pictures.look(report, this.#heard));
    if (!this.stalled) return;
    // A line that is cut may come back, and the call with it. When the server can be reached but
    // the call does not move, its way is gone (another network, a server that began anew).
    if (!this.#reaching) this.#reach();
    const reached = this.#reachedAt && performance.now() - this.#reachedAt > REACHED_MS;
    const silent = this.#pictures.silentFor > REACHED_MS;
    if (reached && (silent || this.#pictures.stoodFor > STUCK_MS)) this.#again(0);
  }

  async #reach() {
    this.#reaching = true;
    try {
      await fetch(at("/health"), { cache: "no-store", signal: AbortSignal.timeout(2_000) });
      this.#reachedAt ||= performance.now();
    } catch {
      this.#reachedAt = 0;
    } finally {
      this.#reaching = false;
    }
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
    this.#reachedAt = 0;
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
    this.#connection?.close();
    this.#uplink = null;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#connection = this.#channel = this.#sender = this.#soundSender = null;
  }

  #leave() {
    this.#ended = true;
    if (this.#id) navigator.sendBeacon(at(`/api/sessions/${this.#id}/close`));
    this.#hangUp();
  }
}

function preferH264(transceiver) {
  const codecs = RTCRtpReceiver.getCapabilities?.("video")?.codecs ?? [];
  if (!transceiver.setCodecPreferences || !codecs.length) return;
  const rank = ({ mimeType, sdpFmtpLine = "" }) => {
    if (mimeType !== "video/H264") return 2;
    return sdpFmtpLine.includes("packetization-mode=1") ? 0 : 1;
  };
  try {
    transceiver.setCodecPreferences([...codecs].sort((a, b) => rank(a) - rank(b)));
  } catch {
    // An older browser: the server chooses.
  }
}

/** All addresses found, or two seconds gone: at a booth no STUN server answers. */
function gathered(connection) {
  if (connection.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((done) => {
    setTimeout(done, GATHER_MS);
    connection.addEventListener("icegatheringstatechange", () => {
      if (connection.iceGatheringState === "complete") done();
    });
  });
}
