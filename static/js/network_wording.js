// How good a network became, in words, beside what it was before.

const MEASURES = [
  ["person_iou", "Mask", [[0.97, "nearly the same"], [0.9, "alike"], [0, "often different"]]],
  ["pck", "Key points", [[0.97, "nearly all in place"], [0.85, "most in place"], [0, "often elsewhere"]]],
];
const SAME = 0.003;

/** `[{title, word, value, compared}]` from the rows "before" and "now" of a run's evaluation. */
export function networkInWords(rows) {
  const [before, now] = ["before", "now"].map((name) => rows.find((row) => row.network === name) ?? {});
  return MEASURES.filter(([name]) => Number.isFinite(now[name])).map(([name, title, steps]) => {
    const value = now[name];
    const gain = value - before[name];
    const word = steps.find(([least]) => value >= least)[1];
    const verdict = Math.abs(gain) < SAME ? "as before" : gain > 0 ? "better than before" : "worse than before";
    const compared = Number.isFinite(gain) ? `${verdict} (${before[name].toFixed(3)})` : "";
    return { title, word, value: value.toFixed(3), compared };
  });
}
