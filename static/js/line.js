// The line between page and server, as both ends measure it, and what to do when it is slow.

const SLOW_UP_KBPS = 1_200; // Less than this shows in what is recorded.
const SLOW_DOWN_KBPS = 900;
const LOSSY = 0.08;
const ADVICE = "“High quality” keeps every frame on this device and uploads it afterwards.";

/** What the browser knows of its way up: kbit/s it may send, and the size of its picture. */
export function uplinkOf(report) {
  const found = { kbps: null, width: 0, height: 0 };
  for (const one of report.values()) {
    if (one.type === "candidate-pair" && one.nominated && one.availableOutgoingBitrate) {
      found.kbps = one.availableOutgoingBitrate / 1000;
    } else if (one.type === "outbound-rtp" && one.kind === "video") {
      [found.width, found.height] = [one.frameWidth ?? 0, one.frameHeight ?? 0];
    }
  }
  return found;
}

/** One sentence when the line is what is slow, and not the machine; else empty. */
export function lineSentence(line, up) {
  const slow = [];
  if (up.kbps !== null && up.kbps < SLOW_UP_KBPS) slow.push(`${mbit(up.kbps)} up`);
  if (line.limited_by && line.target_kbps < SLOW_DOWN_KBPS) slow.push(`${mbit(line.target_kbps)} down`);
  if (slow.length) return `Your line is slow (${slow.join(", ")}), not the server. ${ADVICE}`;
  const loss = Math.max(line.loss, line.loss_up);
  if (loss < LOSSY) return "";
  return `Your line loses ${Math.round(loss * 100)} % of what is sent: go nearer to the Wi-Fi. ${ADVICE}`;
}

/** Rows for the figures. */
export function lineRows(line, up) {
  const percent = (share) => `${(share * 100).toFixed(1)} %`;
  const why = { delay: "by its queue", loss: "by its losses", silence: "nothing is heard" };
  return {
    "line up": up.kbps === null ? "–" : `${mbit(up.kbps)}, ${up.width} × ${up.height}`,
    "line down": `${mbit(line.target_kbps)}${line.limited_by ? `, limited ${why[line.limited_by]}` : ""}`,
    "line's round trip, queue": `${line.round_trip_ms ?? "–"} ms, ${line.queue_ms} ms`,
    "loss up / down": `${percent(line.loss_up)} / ${percent(line.loss)}`,
    "lost frames, sent again": `${line.frames_lost}, ${line.sent_again}`,
  };
}

const mbit = (kbps) => `${(kbps / 1000).toFixed(1)} Mbit/s`;
