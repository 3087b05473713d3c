// A beep that is heard across the room.

let context = null;

/** Browsers allow sound only after a click or a key: call this from one. */
export function allowSound() {
  context ??= new AudioContext();
  if (context.state === "suspended") context.resume();
}

/** `pitch` in Hz, `seconds` long. Silent while sound is not allowed. */
export function beep(pitch = 880, seconds = 0.15) {
  if (context?.state !== "running") return;
  const tone = new OscillatorNode(context, { frequency: pitch });
  const volume = new GainNode(context, { gain: 0.25 });
  const end = context.currentTime + seconds;
  volume.gain.setValueAtTime(0.25, end - 0.03);
  volume.gain.linearRampToValueAtTime(0, end);
  tone.connect(volume).connect(context.destination);
  tone.start();
  tone.stop(end);
}
