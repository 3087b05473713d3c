// Said large over the picture for a few seconds: whoever dances stands far away.

const SECONDS = 4;
let timer = null;

/** One sentence; another one takes its place. */
export function flash(sentence, seconds = SECONDS) {
  const note = document.getElementById("flash");
  note.textContent = sentence;
  note.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(() => (note.hidden = true), seconds * 1000);
}
