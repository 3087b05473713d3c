// What there is to know about a dataset, in words and numbers.

import { DROPPED, percent, runtime, SOURCES, when } from "./wording.js";

const element = (id) => document.getElementById(id);

/** Show numbers and coverage of a manifest and its pairs. */
export function showFacts(manifest, pairs) {
  const { counts, frame, model, source, coverage } = manifest;
  const dropped = Object.entries(counts.dropped).filter(([, number]) => number);
  const facts = {
    Pairs: pairs.length.toLocaleString("en"),
    Length: runtime(frame.fps ? pairs.length / frame.fps : spanned(pairs)),
    Rate: frame.fps ? `${frame.fps.toFixed(1)} a second` : "–",
    "Left out": dropped.length
      ? dropped.map(([why, number]) => `${number.toLocaleString("en")} (${DROPPED[why] ?? why})`).join(", ")
      : "none",
    Deleted: counts.deleted ? counts.deleted.toLocaleString("en") : "none",
    Frames: `${frame.width} × ${frame.height}, ${frame.format.toUpperCase()}`,
    Source: source.kind === "import" ? `${SOURCES.import}: ${source.name}` : SOURCES[source.kind],
    Network: `${model.name} at ${model.input.join(" × ")}, threshold\u00a0${percent(model.threshold)}`,
    Made: when(manifest.created),
  };
  element("facts").replaceChildren(
    ...Object.entries(facts).map(([name, value]) => {
      const fact = document.createElement("div");
      const term = document.createElement("dt");
      const text = document.createElement("dd");
      term.textContent = name;
      text.textContent = value;
      fact.append(term, text);
      return fact;
    }),
  );
  element("notes").replaceChildren(
    ...manifest.notes.map((note) => {
      const line = document.createElement("li");
      line.textContent = note;
      return line;
    }),
  );
  element("notes").hidden = manifest.notes.length === 0;
  const { fraction = 0 } = coverage;
  element("coverage-share").textContent = percent(fraction);
  element("coverage-fill").style.width = `${fraction * 100}%`;
}

/** Seconds from the first pair to the last, while the rate is not known yet. */
function spanned(pairs) {
  return pairs.length ? pairs.at(-1).time_s - pairs[0].time_s : 0;
}
