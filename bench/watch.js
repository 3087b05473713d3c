// Reads the numbers in the frames of a page's camera and of the picture that comes back.
// Runs before the page's own scripts; bench/chromium.py fetches what it wrote down.
(() => {
  const BITS = 24;
  const SQUARE = 16;
  const notes = {
    sent: {}, // When the camera gave each number.
    received: [], // When each number came back first.
    delays: [], // When each number came back first, and how long after the camera gave it (ms).
    shown: [], // When each picture came back.
    control: null,
    connection: null,
    width: null, // Of the camera's picture.
    messages: [],
  };
  window.__bench = notes;

  /** `step`: bytes a pixel. */
  const read = (luma, stride, square, step) => {
    const [first, last] = [square / 4, (square * 3) / 4];
    let code = 0;
    for (let bit = 0; bit < BITS; bit += 1) {
      let sum = 0;
      for (let y = first; y < last; y += 1) {
        for (let x = first; x < last; x += 1) {
          sum += luma[y * stride + (bit * square + x) * step];
        }
      }
      const mean = sum / (last - first) ** 2 - 125.5;
      if (Math.abs(mean) < 30) return null;
      code = code * 2 + (mean > 0 ? 1 : 0);
    }
    return code >>> 8; // The check sum is verified in Python.
  };

  const watch = async (track, note) => {
    const reader = new MediaStreamTrackProcessor({ track, maxBufferSize: 30 }).readable.getReader();
    const luma = new Uint8Array(4096 * 64);
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const now = performance.now();
      // What comes back may be smaller than what was sent: the squares are smaller with it.
      notes.width ??= value.codedWidth;
      const square = Math.round((SQUARE * value.codedWidth) / notes.width / 4) * 4;
      if (square >= 4 && value.codedWidth >= BITS * square) {
        const rect = { x: 0, y: 0, width: BITS * square, height: square };
        const layout = await value.copyTo(luma, { rect });
        // What was painted on a canvas is RGB; its green is as good as luma here.
        const rgb = /RGB|BGR/.test(value.format);
        const plane = luma.subarray(layout[0].offset + (rgb ? 1 : 0));
        note(read(plane, layout[0].stride, square, rgb ? 4 : 1), now);
      }
      value.close();
    }
  };

  const watchReturn = (track) => {
    let latest = null;
    watch(track.clone(), (number, now) => {
      notes.shown.push(now);
      if (number === null || number === latest) return;
      notes.received.push([now, (latest = number)]);
      if (number in notes.sent) notes.delays.push([now, now - notes.sent[number]]);
    });
  };

  const media = navigator.mediaDevices;
  const open = media.getUserMedia.bind(media);
  media.getUserMedia = async (wanted) => {
    const stream = await open(wanted);
    const [track] = stream.getVideoTracks();
    if (track) watch(track.clone(), (number, now) => {
      // The clip, and its numbers with it, begins anew after a while.
      if (!(now - notes.sent[number] < 1000)) notes.sent[number] = now;
    });
    return stream;
  };

  const Connection = window.RTCPeerConnection;
  const createChannel = Connection.prototype.createDataChannel;
  Connection.prototype.createDataChannel = function (...wanted) {
    const channel = createChannel.apply(this, wanted);
    notes.control = channel;
    notes.connection = this;
    channel.addEventListener("message", (event) => {
      const message = JSON.parse(event.data);
      if (message.type !== "pong") notes.messages.push(message);
    });
    this.addEventListener("track", ({ track }) => watchReturn(track));
    return channel;
  };

  // Where UDP is kept out, pictures and messages come through a WebSocket instead.
  const capture = HTMLCanvasElement.prototype.captureStream;
  HTMLCanvasElement.prototype.captureStream = function (...wanted) {
    const stream = capture.apply(this, wanted);
    watchReturn(stream.getVideoTracks()[0]);
    return stream;
  };
  window.WebSocket = class extends WebSocket {
    constructor(...wanted) {
      super(...wanted);
      notes.control = this;
      this.addEventListener("message", ({ data }) => {
        if (typeof data === "string") notes.messages.push(JSON.parse(data));
      });
    }
  };
})();
