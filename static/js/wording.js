// How numbers and names are put for people, on every page alike.

export const SOURCES = {
  webrtc: "live picture",
  recorder: "high-quality recording",
  import: "imported video",
};

export const DROPPED = {
  no_person: "nobody in the picture",
  queue_full: "the disk could not keep up",
  disk: "the disk was full",
  damaged: "damaged in the file",
  lost: "never came",
};

export const FLAGS = {
  blur: "blurred",
  dark: "dark",
  cropped: "cropped",
  many_people: "several people",
  nobody: "nobody",
  near: "too near",
  far: "too far",
};

/** What is to be known of a pair: what may be wrong with it, what a person did about it. */
export function remarks({ flags, edits }) {
  const done = [];
  if (edits.left_out) done.push("left out");
  if (edits.erased) done.push("not the dancer");
  if (edits.keypoints) done.push(edits.interpolated ? "filled in" : "mended");
  else if (edits.right) done.push("called right");
  return [...flags.map((flag) => FLAGS[flag] ?? flag), ...done];
}

/** The title of what is captured because a dataset lacks it, as long as the server takes it. */
export const moreOf = (title) => [...`More of “${title}”`].slice(0, 100).join("").trim();

export const percent = (share) => `${Math.round(share * 100)}\u00a0%`;

export const counted = (number, one, many = `${one}s`) =>
  `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

export function when(iso) {
  return new Date(iso).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

export function clock(seconds) {
  const minutes = Math.floor(seconds / 60);
  return `${minutes}:${(seconds % 60).toFixed(1).padStart(4, "0")}`;
}

/** A length of time: "5.0 s", "2 min 9 s". */
export function runtime(seconds) {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
