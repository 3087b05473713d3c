// What a training is doing, and how good it became, in words.

import { duration } from "./jobs.js";
import { counted } from "./wording.js";

export const STATES = {
  waiting: "Waiting",
  preparing: "Getting ready",
  learning: "Learning",
  stopping: "Stopping",
  judging: "Measuring",
  done: "Done",
  failed: "Ended too soon",
};

export const active = ({ state }) => ["preparing", "learning", "stopping", "judging"].includes(state);
export const over = ({ state }) => ["done", "failed"].includes(state);

/** One sentence about how far it is. */
export function progress(training) {
  const left = training.seconds_left;
  switch (training.state) {
    case "waiting":
      return training.place > 1
        ? `Waiting: ${counted(training.place - 1, "other training is", "other trainings are")} before it.`
        : "Waiting for its turn: it is the next.";
    case "preparing":
      return training.saying ? `Getting ready: ${training.saying}` : "Looking through the pictures; it learns in a moment.";
    case "learning":
      return left === null ? "Learning." : `Learning: ${duration(left)} left.`;
    case "stopping":
      return "Stopping; what it has learnt is being saved.";
    case "judging":
      return training.kind === "network"
        ? "Measuring how good it is, and writing its file: a minute or two."
        : "Measuring how good it is, on pictures that it never saw.";
    case "failed":
      return training.message;
    default:
      return training.message || `Trained for ${spent(training.seconds)}.`;
  }
}

/** "45 seconds", "5 minutes". */
export function spent(seconds) {
  if (seconds < 90) return counted(Math.round(seconds), "second");
  return counted(Math.round(seconds / 6) / 10, "minute");
}

/** Share of the time that is over, 0..1; null when it cannot be told. */
export function share(training) {
  if (over(training)) return 1;
  if (training.state !== "learning" || training.seconds_left === null) return null;
  return training.seconds / Math.max(training.seconds + training.seconds_left, 1e-9);
}

export const LOSSES = {
  pixels: "Colours",
  likeness: "Structure",
  alpha: "Outline",
  body: "Body",
  adversarial: "Looks real",
  features: "Texture",
  drawn: "What it draws itself",
  share: "How much it draws itself",
  segments: "Who is a person",
  part_heatmaps: "Which part of the body",
  heatmaps: "Key points",
  short_offsets: "Where exactly they are",
  mid_offsets: "From joint to joint",
  long_offsets: "Whose pixel it is",
};

export const HELD_OUT = {
  ssim: "Likeness (1 is the truth)",
  error: "Colour error (0 to 255)",
  person_iou: "Mask like its teacher's (0 to 1)",
  pck: "Key points where its teacher has them (0 to 1)",
};

const levels = (value, steps) => steps.find(([least]) => value >= least)?.[1] ?? steps.at(-1)[1];

/**
 * What a person wants to know: `[{title, word, value, compared}]` from the evaluation's rows.
 * They are compared with what one gets at once, without training.
 */
export function inWords(rows) {
  const trained = rows.find((row) => !["plate", "knn", "instant"].includes(row.performer));
  const before = rows.find((row) => row.performer === "instant") ?? rows.find((row) => row.performer === "knn");
  if (!trained) return [];
  const measures = [
    ["ssim", "Like the truth", 1, (v) => levels(v, [[0.95, "very like"], [0.88, "like"], [0.8, "recognised"], [-1, "not yet"]]), (v) => v.toFixed(2)],
    ["sharpness", "Sharp", 1, (v) => levels(v, [[0.85, "as sharp as the truth"], [0.6, "fairly sharp"], [-1, "soft"]]), (v) => v.toFixed(2)],
    ["warping_error", "Steady", -1, (v) => levels(-v, [[-2, "steady"], [-5, "fairly steady"], [-1e9, "trembles"]]), (v) => v.toFixed(1)],
    ["pck", "Right pose", 1, (v) => levels(v, [[0.9, "follows every move"], [0.7, "follows most moves"], [-1, "often another pose"]]), (v) => `${Math.round(v * 100)} %`],
  ];
  return measures
    .filter(([name]) => Number.isFinite(trained[name]))
    .map(([name, title, better, word, text]) => {
      const mine = trained[name];
      const theirs = before?.[name];
      let compared = "";
      if (Number.isFinite(theirs)) {
        const gain = better * (mine - theirs);
        const equal = Math.abs(gain) < 0.01 * Math.max(Math.abs(theirs), 1e-9);
        compared = `${equal ? "as" : gain > 0 ? "better than" : "worse than"} without training (${text(theirs)})`;
      }
      return { title, word: word(mine), value: text(mine), compared };
    });
}
