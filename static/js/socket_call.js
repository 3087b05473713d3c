// A call over one WebSocket, for networks that keep UDP out. H.264 with WebCodecs where the browser
// has it, else JPEG pictures. Each side says which pictures it has; while others are under way
// nothing new is encoded: the newest picture comes next, nothing queues up.

import { at } from "./api.js";

const KIND = { keyFrame: 0, frame: 1, jpeg: 2, have: 8, keyFrameWanted: 9 };
const HEAD_BYTES = 5;
const CODEC = "avc1.42e01f";
const LEAST_BPS = 150_000;
const MOST_BPS = 3_000_000;
const START_BPS = 1_000_000;
const LATE_MS = 120; // Later than the quickest by so much: the line is full.
const JPEG_MS = 50;

/** How many pictures may be under way on a line with this round trip (ms). */
export const window_ = (roundTrip) => 2 + Math.ceil(roundTrip / 33);

/** How much may be sent: up while pictures are acknowledged in time, down when they are late. */
export class SocketRate {
  bps = START_BPS;
  roundTrip = 100;
  #under = new Map(); // number → when it was sent
  #quickest = [];
  #downAt = 0;

  sent(number, now) {
    this.#under.set(number, now);
  }

  acknowledged(number, now) {
    const sent = this.#under.get(number);
    if (sent === undefined) return;
    for (const one of [...this.#under.keys()]) if (one <= number) this.#under.delete(one);
    const took = now - sent;
    this.#quickest = [...this.#quickest.filter(([when]) => now - when < 10_000), [now, took]];
    this.roundTrip = Math.min(...this.#quickest.map(([, ms]) => ms));
    if (took > this.roundTrip + LATE_MS) {
      if (now - this.#downAt < 300) return;
      this.#downAt = now;
      this.bps = Math.max(LEAST_BPS, 0.8 * this.bps);
    } else if (now - this.#downAt > 600) this.bps = Math.min(MOST_BPS, 1.01 * this.bps);
  }

  get mayEncode() {
    return this.#under.size < window_(this.roundTrip);
  }
}

/** Events: "open", "closed" (detail: what the server said no with, or null), "picture", "message". */
export class SocketCall extends EventTarget {
  #socket = null;
  #number = 0;
  #rate = new SocketRate();
  #webCodecs;
  #canvas = document.createElement("canvas");
  #painter = this.#canvas.getContext("2d", { alpha: false });
  #decoder = null;
  #encoder = null;
  #configured = null;
  #keyFrameWanted = true;
  #source = null; // Stops the camera's pictures.
  decoded = 0;

  constructor(track, hello) {
    super();
    this.#webCodecs = Boolean(
      window.VideoEncoder && window.VideoDecoder && window.MediaStreamTrackProcessor,
    );
    this.#open(track, hello);
  }

  async #open(track, hello) {
    if (this.#webCodecs) {
      const config = { ...encoderConfig(640, 480, START_BPS) };
      const known = await VideoEncoder.isConfigSupported(config).catch(() => ({}));
      this.#webCodecs = Boolean(known.supported);
    }
    const address = new URL(at("/api/sessions/socket"), location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = (this.#socket = new WebSocket(address));
    socket.binaryType = "arraybuffer";
    let refused = null;
    socket.addEventListener("open", () => {
      socket.send(JSON.stringify({ ...hello, codec: this.#webCodecs ? "h264" : "jpeg" }));
    });
    socket.addEventListener("message", ({ data }) => {
      if (typeof data !== "string") return this.#take(data);
      const message = JSON.parse(data);
      if (message.type === "refused") refused = message;
      else if (message.type === "opened") {
        this.dispatchEvent(new CustomEvent("open", { detail: message }));
        this.#show();
        this.replaceTrack(track);
      } else this.dispatchEvent(new CustomEvent("message", { detail: message }));
      return undefined;
    });
    socket.addEventListener("close", () => {
      this.#stop();
      this.dispatchEvent(new CustomEvent("closed", { detail: refused }));
    });
  }

  /** Figures in the shape of `RTCPeerConnection.getStats()`, as far as they exist here. */
  async getStats() {
    const incoming = { type: "inbound-rtp", kind: "video", framesDecoded: this.decoded };
    incoming.bytesReceived = this.decoded;
    incoming.timestamp = performance.now();
    const pair = { type: "candidate-pair", nominated: true };
    pair.availableOutgoingBitrate = this.#rate.bps;
    const { width = 0, height = 0 } = this.#configured ?? {};
    const outgoing = { type: "outbound-rtp", kind: "video", frameWidth: width, frameHeight: height };
    return new Map([incoming, pair, outgoing].map((one, place) => [place, one]));
  }

  send(text) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(text);
    return true;
  }

  close() {
    this.#stop();
    this.#socket?.close();
  }

  /** Send this track's pictures from now on. */
  replaceTrack(track) {
    this.#source?.();
    this.#source = this.#webCodecs ? this.#sendFrames(track) : this.#sendJpegs(track);
  }

  #stop() {
    this.#source?.();
    this.#source = null;
    for (const one of [this.#encoder, this.#decoder]) if (one?.state !== "closed") one?.close();
    this.#encoder = this.#decoder = null;
  }

  #sendBinary(kind, number, payload = new Uint8Array()) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    const data = new Uint8Array(HEAD_BYTES + payload.byteLength);
    const head = new DataView(data.buffer);
    head.setUint8(0, kind);
    head.setUint32(1, number);
    data.set(payload, HEAD_BYTES);
    this.#socket.send(data);
  }

  #sendPicture(kind, payload) {
    this.#number += 1;
    this.#rate.sent(this.#number, performance.now());
    this.#sendBinary(kind, this.#number, payload);
  }

  // The camera's pictures

  #sendFrames(track) {
    const reader = new MediaStreamTrackProcessor({ track: track.clone() }).readable.getReader();
    let stopped = false;
    const run = async () => {
      while (!stopped) {
        const { done, value: frame } = await reader.read();
        if (done) return;
        if (this.#rate.mayEncode && !stopped) this.#encode(frame);
        frame.close();
      }
    };
    run().catch(() => {});
    return () => {
      stopped = true;
      reader.cancel().catch(() => {});
    };
  }

  #encode(frame) {
    const [width, height] = [frame.displayWidth & ~1, frame.displayHeight & ~1];
    if (this.#encoder?.state !== "configured") {
      this.#encoder = new VideoEncoder({ output: (chunk) => this.#encoded(chunk), error: () => {} });
      this.#configured = null;
    }
    const now = this.#configured;
    const bps = Math.round(this.#rate.bps);
    if (now?.width !== width || now.height !== height || Math.abs(now.bps - bps) > 0.15 * now.bps) {
      this.#encoder.configure(encoderConfig(width, height, bps));
      this.#configured = { width, height, bps };
    }
    this.#encoder.encode(frame, { keyFrame: this.#keyFrameWanted });
    this.#keyFrameWanted = false;
  }

  #encoded(chunk) {
    const data = new Uint8Array(chunk.byteLength);
    chunk.copyTo(data);
    this.#sendPicture(chunk.type === "key" ? KIND.keyFrame : KIND.frame, data);
  }

  #sendJpegs(track) {
    const video = document.createElement("video");
    Object.assign(video, { srcObject: new MediaStream([track]), muted: true, playsInline: true });
    video.play().catch(() => {});
    const canvas = document.createElement("canvas");
    let busy = false;
    const timer = setInterval(async () => {
      if (busy || !this.#rate.mayEncode || !video.videoWidth) return;
      busy = true;
      const small = this.#rate.bps < 800_000 ? 2 : 1;
      canvas.width = (video.videoWidth / small) & ~1;
      canvas.height = (video.videoHeight / small) & ~1;
      canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
      const quality = 0.35 + 0.45 * Math.min(1, this.#rate.bps / MOST_BPS);
      const picture = await new Promise((done) => canvas.toBlob(done, "image/jpeg", quality));
      this.#configured = { width: canvas.width, height: canvas.height };
      if (picture) this.#sendPicture(KIND.jpeg, new Uint8Array(await picture.arrayBuffer()));
      busy = false;
    }, JPEG_MS);
    return () => clearInterval(timer);
  }

  // What comes back

  #show() {
    this.#canvas.width = 640;
    this.#canvas.height = 480;
    this.dispatchEvent(new CustomEvent("picture", { detail: this.#canvas.captureStream() }));
  }

  #take(buffer) {
    const head = new DataView(buffer);
    const [kind, number] = [head.getUint8(0), head.getUint32(1)];
    const data = new Uint8Array(buffer, HEAD_BYTES);
    if (kind === KIND.have) this.#rate.acknowledged(number, performance.now());
    else if (kind === KIND.keyFrameWanted) this.#keyFrameWanted = true;
    else if (kind === KIND.jpeg) this.#paintJpeg(data, number);
    else this.#decode(kind, data, number);
  }

  #decode(kind, data, number) {
    if (this.#decoder?.state !== "configured") {
      if (kind !== KIND.keyFrame) {
        this.#sendBinary(KIND.keyFrameWanted, number);
        this.#sendBinary(KIND.have, number);
        return;
      }
      this.#decoder = new VideoDecoder({ output: (frame) => this.#paint(frame), error: () => {} });
      this.#decoder.configure({ codec: CODEC, optimizeForLatency: true });
    }
    const type = kind === KIND.keyFrame ? "key" : "delta";
    this.#decoder.decode(new EncodedVideoChunk({ type, timestamp: number * 1000, data }));
    this.#sendBinary(KIND.have, number);
  }

  async #paintJpeg(data, number) {
    this.#sendBinary(KIND.have, number);
    const picture = await createImageBitmap(new Blob([data], { type: "image/jpeg" })).catch(() => null);
    if (picture) this.#paint(picture);
  }

  #paint(picture) {
    const [width, height] = [picture.displayWidth ?? picture.width, picture.displayHeight ?? picture.height];
    if (this.#canvas.width !== width || this.#canvas.height !== height) {
      Object.assign(this.#canvas, { width, height });
    }
    this.#painter.drawImage(picture, 0, 0);
    picture.close();
    this.decoded += 1;
  }
}

function encoderConfig(width, height, bps) {
  return {
    codec: CODEC,
    width,
    height,
    bitrate: bps,
    framerate: 30,
    latencyMode: "realtime",
    avc: { format: "annexb" },
  };
}
