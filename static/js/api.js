// Requests to the server. Whatever goes wrong becomes one sentence a person understands.

export const pageData = JSON.parse(document.getElementById("page-data").textContent);

/** A path of ours as an address: behind a reverse proxy all begin alike. */
export const at = (path) => pageData.root + path;

/** An answer that says no; `message` is the server's sentence. */
export class Refused extends Error {
  constructor(sentence, code, status, body) {
    super(sentence);
    this.code = code;
    this.status = status;
    this.body = body;
  }
}

/** Send JSON, get JSON (null for an empty answer). Throws `Refused`. */
export async function api(path, { method = "GET", body, raw, signal } = {}) {
  let answer;
  try {
    answer = await fetch(at(path), {
      method,
      signal,
      body: raw ?? (body === undefined ? undefined : JSON.stringify(body)),
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused("The server does not answer: is it still running?", "offline", 0, {});
  }
  const text = await answer.text();
  let data = null;
  try {
    data = text ? JSON.parse(text) : null;
  } catch {
    data = null;
  }
  if (!answer.ok) {
    const sentence = data?.error ?? `The server answered with error ${answer.status}.`;
    throw new Refused(sentence, data?.code ?? "", answer.status, data ?? {});
  }
  return data;
}

/** The page's scripts have all begun: what stands there in case they had not goes. */
export const started = () => document.getElementById("no-scripts")?.remove();

export const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
