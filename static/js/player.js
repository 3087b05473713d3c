// Frame, mask and skeleton of one pair, drawn together; plays at the dataset's own times.

const AHEAD = 10;
const KEPT = 80;
const MIN_SCORE = 0.3;

export class Player {
  #pairs = [];
  #place = 0;
  #playing = false;
  #pictures = new Map();
  #drawn = null;

  /** `urls(index)` gives `[frame, mask]`; `limbs` pairs of key points; `changed(place)`. */
  constructor({ frame, mask, urls, limbs, changed }) {
    this.frame = frame;
    this.mask = mask;
    this.urls = urls;
    this.limbs = limbs;
    this.changed = changed;
    this.opacity = 0;
    this.skeleton = true;
  }

  get playing() {
    return this.#playing;
  }

  get place() {
    return this.#place;
  }

  setPairs(pairs) {
    this.#pairs = pairs;
    this.show(Math.min(this.#place, pairs.length - 1));
  }

  /** Show the pair at a place, 0 for the first. */
  async show(place) {
    if (!this.#pairs.length) return;
    this.#place = Math.max(0, Math.min(place, this.#pairs.length - 1));
    this.changed(this.#place);
    const pair = this.#pairs[this.#place];
    const pictures = await this.#load(pair.index).catch(() => null);
    if (pictures && this.#pairs[this.#place] === pair) {
      this.#drawn = { pair, pictures };
      this.draw();
    }
    for (let ahead = 1; ahead <= AHEAD; ahead += 1) {
      const next = this.#pairs[this.#place + ahead];
      if (next) this.#load(next.index).catch(() => {});
    }
  }

  /** Draw again, after a layer was switched. */
  draw() {
    if (!this.#drawn) return;
    const { pair, pictures } = this.#drawn;
    for (const canvas of [this.frame, this.mask]) {
      canvas.width = pictures.frame.width;
      canvas.height = pictures.frame.height;
    }
    const left = this.frame.getContext("2d");
    left.drawImage(pictures.frame, 0, 0);
    left.globalAlpha = this.opacity;
    if (this.opacity) left.drawImage(pictures.parts, 0, 0);
    left.globalAlpha = 1;
    const right = this.mask.getContext("2d");
    right.drawImage(pictures.mask, 0, 0);
    if (this.skeleton) {
      this.#drawSkeleton(right, pair);
      if (this.opacity) this.#drawSkeleton(left, pair);
    }
  }

  toggle() {
    if (this.#playing) this.#playing = false;
    else this.#play();
  }

  async #play() {
    this.#playing = true;
    if (this.#place >= this.#pairs.length - 1) await this.show(0);
    let began = performance.now();
    let start = this.#pairs[this.#place].time_s;
    while (this.#playing && this.#place < this.#pairs.length - 1) {
      await new Promise(requestAnimationFrame);
      if (!this.#playing) break;
      const seconds = start + (performance.now() - began) / 1000;
      let place = this.#place;
      while (place < this.#pairs.length - 1 && this.#pairs[place + 1].time_s <= seconds) place += 1;
      if (place === this.#place) continue;
      const waited = performance.now();
      await this.show(place);
      const lost = performance.now() - waited;
      if (lost > 100) began += lost; // The network was slow: go on from here.
    }
    this.#playing = false;
    this.changed(this.#place);
  }

  #load(index) {
    const known = this.#pictures.get(index);
    if (known) return known;
    const [frame, mask] = this.urls(index);
    const loading = Promise.all([bitmap(frame), bitmap(mask)]).then(([f, m]) => ({
      frame: f,
      mask: m,
      parts: withoutBackground(m),
    }));
    this.#pictures.set(index, loading);
    if (this.#pictures.size > KEPT) {
      this.#pictures.delete(this.#pictures.keys().next().value);
    }
    return loading;
  }

  #drawSkeleton(context, { keypoints }) {
    if (!keypoints) return;
    const width = Math.max(2, context.canvas.height / 160);
    context.lineWidth = width;
    context.lineCap = "round";
    context.strokeStyle = "#ffffff";
    context.fillStyle = "#ffffff";
    context.shadowColor = "#000000";
    context.shadowBlur = 3;
    context.beginPath();
    for (const [a, b] of this.limbs) {
      if (keypoints[a][2] < MIN_SCORE || keypoints[b][2] < MIN_SCORE) continue;
      context.moveTo(keypoints[a][0], keypoints[a][1]);
      context.lineTo(keypoints[b][0], keypoints[b][1]);
    }
    context.stroke();
    for (const [x, y, score] of keypoints) {
      if (score < MIN_SCORE) continue;
      context.beginPath();
      context.arc(x, y, width * 1.3, 0, 7);
      context.fill();
    }
    context.shadowBlur = 0;
  }
}

async function bitmap(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`No picture at ${url}`);
  return createImageBitmap(await answer.blob());
}

function withoutBackground(mask) {
  const canvas = new OffscreenCanvas(mask.width, mask.height);
  const context = canvas.getContext("2d");
  context.drawImage(mask, 0, 0);
  const image = context.getImageData(0, 0, mask.width, mask.height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let i = 0; i < pixels.length; i += 1) {
    if ((pixels[i] & 0xffffff) === 0) pixels[i] = 0;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}
