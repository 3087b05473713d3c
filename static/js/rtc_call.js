// One call over WebRTC: an offer, the server's answer, and the connection that comes of it.

import { api, pageData } from "./api.js";
import { Uplink } from "./uplink.js";

const ANSWER_MS = 30_000;
const GATHER_MS = 2_000;
const MAX_BITRATE = { small: 6_000_000, large: 9_000_000 };

/** Events: "change" (of `state`), "message" (detail: of the control channel), "picture" (`stream` is there). */
export class RtcCall extends EventTarget {
  /** The server's name for it, and what another call shows to take its place; null: not answered yet. */
  id = null;
  token = null;
  /** What comes back; null until it is negotiated. */
  stream = null;
  #connection = new RTCPeerConnection({ iceServers: pageData.ice_servers });
  #channel = this.#connection.createDataChannel("control");
  #asking = new AbortController();
  #track;
  #sender;
  #soundSender = null;
  #uplink = null;

  /** `withSound`: a microphone may join later; `sound`: its track, when it is there already. */
  constructor(track, withSound, sound) {
    super();
    this.#track = track;
    this.#channel.addEventListener("message", ({ data }) => this.#tell("message", JSON.parse(data)));
    this.#connection.addEventListener("connectionstatechange", () => this.#tell("change"));
    const transceiver = this.#connection.addTransceiver(track, { direction: "sendrecv" });
    this.#sender = transceiver.sender;
    preferH264(transceiver);
    if (withSound) {
      const microphone = this.#connection.addTransceiver(sound ?? "audio", { direction: "sendonly" });
      this.#soundSender = microphone.sender;
    }
    this.#connection.addEventListener("track", (event) => {
      // As little delay as the network allows: this is a mirror.
      if ("jitterBufferTarget" in event.receiver) event.receiver.jitterBufferTarget = 0;
      else if ("playoutDelayHint" in event.receiver) event.receiver.playoutDelayHint = 0;
      this.stream = new MediaStream([event.track]);
      this.#tell("picture");
    });
  }

  /** Ask the server for it; `resume`: the token of the call whose place it takes. Throws `Refused`. */
  async open(resume, settings) {
    const connection = this.#connection;
    await connection.setLocalDescription(await connection.createOffer());
    await gathered(connection);
    const { sdp } = connection.localDescription;
    const late = setTimeout(() => this.#asking.abort(), ANSWER_MS);
    const answer = await api("/api/sessions", {
      method: "POST",
      signal: this.#asking.signal,
      body: { sdp, type: "offer", resume, settings },
    }).finally(() => clearTimeout(late));
    [this.id, this.token] = [answer.id, answer.token];
    await connection.setRemoteDescription({ type: "answer", sdp: answer.sdp });
    this.#uplink = new Uplink(connection, answer.sdp);
    await this.#setBitrate();
  }

  /** As the browser says: new, connecting, connected, disconnected, failed or closed. */
  get state() {
    return this.#connection.connectionState;
  }

  /** Send another camera or file from now on. */
  async replaceTrack(track) {
    this.#track = track;
    await this.#sender.replaceTrack(track);
    await this.#setBitrate();
  }

  /** Send this microphone's track too, or none any more (null). */
  async setSound(track) {
    if (this.state !== "closed") await this.#soundSender?.replaceTrack(track);
  }

  /** Send a control message; false when that is not possible now. */
  send(text) {
    if (this.#channel.readyState !== "open") return false;
    this.#channel.send(text);
    return true;
  }

  /** The browser's figures of it, which also help it to more of the line. */
  async look() {
    const report = await this.getStats();
    this.#uplink?.look(report);
    return report;
  }

  getStats() {
    return this.#connection.getStats();
  }

  close() {
    this.#asking.abort();
    this.#connection.close();
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

  #tell(kind, detail = null) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
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
