// Frames and masks as bitmaps: loaded once, kept as far as memory allows, let go when they are not.

const MAX_BYTES = 256 * 1024 * 1024;
const BYTES_A_PIXEL = 12; // The frame, the mask, and the mask without its background.
const MIN_KEPT = 4;

/** The two pictures of one pair. */
class Pictures {
  #parts = null;

  constructor(frame, mask) {
    this.frame = frame;
    this.mask = mask;
  }

  /** The mask, its background transparent; made when it is first wanted. */
  get parts() {
    this.#parts ??= withoutBackground(this.mask);
    return this.#parts;
  }

  close() {
    this.frame.close();
    this.mask.close();
  }
}

export class PictureCache {
  #kept = new Map();
  #most = MIN_KEPT;
  #shown = null;

  /** `urls(index)` gives `[frame, mask]`. */
  constructor(urls) {
    this.urls = urls;
  }

  /** Forget everything; from now on pictures are of this size. */
  reset(width, height) {
    const fit = Math.floor(MAX_BYTES / Math.max(1, width * height * BYTES_A_PIXEL));
    this.#most = Math.max(MIN_KEPT, Math.min(fit, 120));
    for (const index of [...this.#kept.keys()]) this.#letGo(index);
  }

  /** How many pictures ahead of the one shown are worth loading. */
  get ahead() {
    return Math.min(12, Math.floor(this.#most / 2));
  }

  /** A promise of a pair's pictures. */
  get(index) {
    const known = this.#kept.get(index);
    this.#kept.delete(index);
    const loading = known ?? this.#load(index);
    this.#kept.set(index, loading); // At the end: used last.
    if (this.#kept.size > this.#most) this.#letGo(this.#kept.keys().next().value);
    return loading;
  }

  /** These are on the screen: they stay open even when they leave the cache. */
  show(pictures) {
    this.#shown = pictures;
  }

  #load(index) {
    const [frame, mask] = this.urls(index);
    const loading = Promise.all([bitmap(frame), bitmap(mask)]).then(([f, m]) => new Pictures(f, m));
    loading.catch(() => this.#kept.delete(index)); // To be tried again the next time.
    return loading;
  }

  #letGo(index) {
    const loading = this.#kept.get(index);
    this.#kept.delete(index);
    const close = (pictures) => pictures !== this.#shown && pictures.close();
    loading.then(close, () => {});
  }
}

async function bitmap(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`No picture at ${url}`);
  return createImageBitmap(await answer.blob());
}

function withoutBackground(mask) {
  const canvas = new OffscreenCanvas(mask.width, mask.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(mask, 0, 0);
  const image = context.getImageData(0, 0, mask.width, mask.height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let i = 0; i < pixels.length; i += 1) {
    if ((pixels[i] & 0xffffff) === 0) pixels[i] = 0;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}
