// What a dataset lacks for a good double, and the way to the page that captures just that.

import { api, at } from "./api.js";

const element = (id) => document.getElementById(id);

/** Ask the server, which looks at the pictures, and show it; `nothing`: there is nothing to say. */
export async function showLacking(id, nothing) {
  element("lacking").hidden = nothing;
  if (nothing) return;
  element("lacking").ariaBusy = "true"; // Its place is kept: nothing below moves away under the mouse.
  // The page is of use without it.
  const found = await api(`/api/datasets/${id}/lacking`).catch(() => null);
  element("lacking").ariaBusy = "false";
  element("lacking").hidden = !found;
  if (!found) return;
  const { lacks, never_seen: neverSeen, with: titles } = found;
  const poses = lacks.filter(({ name }) => !/^(facing|face)\b/.test(name));
  const sentences = lacks.filter((one) => !poses.includes(one)).map(({ text }) => text);
  if (poses.length) sentences.push(`Poses not seen: ${poses.map(({ do: what }) => lower(what)).join("; ")}.`);
  if (neverSeen) sentences.push(neverSeen);
  if (!sentences.length) sentences.push("Nothing: all sides, the face from near and all poses are there.");
  element("lacks").replaceChildren(
    ...sentences.map((text) => {
      const line = document.createElement("li");
      line.textContent = text;
      return line;
    }),
  );
  element("lacking-with").textContent = titles.length ? `Counted together with ${titles.join(", ")}.` : "";
  const wanted = new URLSearchParams([["for", id], ...lacks.map(({ name }) => ["wanted", name])]);
  element("capture-that").href = at(`/?${wanted}`);
  element("capture-that").hidden = !lacks.length;
}

const lower = (text) => text[0].toLowerCase() + text.slice(1);
