// Files and recordings on their way to the server: chunks at offsets, tried again when they fail.

import { api, Refused, wait } from "./api.js";

const TRIES = 6;

/** One file on the server, growing chunk by chunk. */
export class Upload {
  constructor(id, chunkSize) {
    this.id = id;
    this.chunkSize = chunkSize;
    this.received = 0;
  }

  static async begin({ name, size = null, purpose, dataset = null, model = null, performer = null }) {
    const body = { name, size, purpose, dataset, model, performer };
    const begun = await api("/api/uploads", { method: "POST", body });
    return new Upload(begun.id, begun.chunk_size);
  }

  /** Append a blob; `onProgress` is told the bytes received so far. */
  async append(blob, onProgress = () => {}, signal = undefined) {
    const start = this.received;
    while (this.received < start + blob.size) {
      const from = this.received - start;
      await this.#put(blob.slice(from, from + this.chunkSize), signal);
      onProgress(this.received);
    }
  }

  async #put(piece, signal) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const path = `/api/uploads/${this.id}?offset=${this.received}`;
        this.received = (await api(path, { method: "PUT", raw: piece, signal })).received;
        return;
      } catch (error) {
        if (error.name === "AbortError") throw error;
        if (error instanceof Refused && Number.isInteger(error.body?.received)) {
          if (error.body.received > this.received) {
            this.received = error.body.received;
            return;
          }
        } else if (error.status !== 0 && error.status < 500) throw error;
        if (attempt === TRIES) throw error;
        await wait(300 * 2 ** attempt);
      }
    }
  }

  /** All is there: the job that analyses it, and its dataset. */
  async finish() {
    return api(`/api/uploads/${this.id}/finish`, { method: "POST" });
  }

  async discard() {
    await api(`/api/uploads/${this.id}`, { method: "DELETE" }).catch(() => {});
  }
}

/** Upload a whole file. Returns `{job, dataset}`; aborting removes what had arrived. */
export async function upload(file, { purpose, dataset, model, performer, onProgress = () => {}, signal }) {
  const one = await Upload.begin({ name: file.name, size: file.size, purpose, dataset, model, performer });
  try {
    await one.append(file, (received) => onProgress(received, file.size), signal);
    return await one.finish();
  } catch (error) {
    await one.discard();
    throw error;
  }
}
