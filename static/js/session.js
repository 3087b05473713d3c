// One call with the server: video both ways and the control channel. It mends itself when it breaks.

import { api, at, pageData, Refused, wait } from "./api.js";

const ANSWER_MS = 30_000;
const CONNECT_MS = 10_000;
const GATHER_MS = 2_000;
const SILENCE_MS = 6_000;
const LOST_MS = 3_000;
const PING_MS = 1_000;
const MAX_BITRATE = { small: 6_000_000, large: 9_000_000 };

const NO_WAY =
  "No way was found between browser and server: a firewall may keep UDP out. " +
  "The user guide says how to open ports or use a TURN server.";

/**
 * Events: "state" (detail: connecting, live, reconnecting, full, failed, with a sentence),
 * "picture" (detail: MediaStream), "message" (detail: a message of the control channel), "ping" (ms).
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
  #ended = false;
  #attempt = 0;
  #settings = () => ({});

  /** `settings()` gives what the page wants to be in force, for every new connection. */
  constructor(settings) {
    super();
    this.#settings = settings;
    addEventListener("pagehide", () => this.#leave());
    addEventListener("pageshow", (event) => {
      if (event.persisted && this.#track) this.connect(this.#track);
    });
    addEventListener("online", () => {
      if (this.state === "reconnecting") this.#again(0);
    });
  }

  state = "idle";

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
    if (this.#sender && this.#connection?.connectionState !== "closed") {
      await this.#sender.replaceTrack(track);
      await this.#setBitrate();
    } else await this.connect(track);
  }

  /** Send a control message; false when there is no channel to send it on. */
  send(type, fields = {}) {
    if (this.#channel?.readyState !== "open") return false;
    this.#channel.send(JSON.stringify({ type, ...fields }));
    return true;
  }

  /** The browser's own figures of the connection. */
  async figures() {
    return this.#connection ? this.#connection.getStats() : new Map();
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
    const began = performance.now();
    let lost = 0;
    const check = () => {
      const now = performance.now();
      const state = connection.connectionState;
      if (state === "connected") {
        lost = 0;
        if (this.state !== "live") {
          this.#attempt = 0;
          this.#tell("live");
        } else if (now - this.#heard > SILENCE_MS) this.#again();
      } else if (state === "failed" || state === "closed") {
        if (this.state === "live" || this.#attempt) this.#again();
        else this.#fail();
      } else if (this.state === "live") {
        lost ||= now;
        if (now - lost > LOST_MS) this.#again();
      } else if (now - began > CONNECT_MS) this.#fail();
    };
    connection.addEventListener("connectionstatechange", check);
    this.#timers.push(setInterval(check, 500));
    this.#timers.push(setInterval(() => this.send("ping", { t: performance.now() }), PING_MS));
  }

  #hear(message) {
    this.#heard = performance.now();
    if (message.type === "pong") {
      this.dispatchEvent(new CustomEvent("ping", { detail: performance.now() - message.t }));
      return;
    }
    this.dispatchEvent(new CustomEvent("message", { detail: message }));
  }

  #fail() {
    this.#hangUp();
    this.#tell("failed", NO_WAY);
  }

  async #again(pause = Math.min(500 * 2 ** this.#attempt, 8_000)) {
    if (this.#ended) return;
    this.#attempt += 1;
    this.#hangUp();
    if (this.state !== "full") this.#tell("reconnecting", "The connection was lost. Connecting again …");
    const attempt = this.#attempt;
    await wait(pause);
    if (attempt === this.#attempt && !this.#ended) {
      await this.#dial(this.state === "full" ? "connecting" : "reconnecting");
    }
  }

  #hangUp() {
    this.#timers.forEach(clearInterval);
    this.#timers = [];
    this.#connection?.close();
    this.#connection = this.#channel = this.#sender = null;
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
