// The limbs and key points of one person, legible on any ground.

const MIN_SCORE = 0.3;
const FACE = 5; // Nose, eyes and ears come first and are drawn smaller.

/** `keypoints`: `[x, y, score] * 17` in pixels of the canvas, or null; `limbs`: pairs of them. */
export function drawSkeleton(context, keypoints, limbs) {
  if (!keypoints) return;
  const width = Math.max(2, Math.min(context.canvas.height, context.canvas.width) / 150);
  const seen = (point) => keypoints[point][2] >= MIN_SCORE;
  const lines = new Path2D();
  for (const [a, b] of limbs) {
    if (!seen(a) || !seen(b)) continue;
    lines.moveTo(keypoints[a][0], keypoints[a][1]);
    lines.lineTo(keypoints[b][0], keypoints[b][1]);
  }
  const dots = new Path2D();
  keypoints.forEach(([x, y], point) => {
    if (!seen(point)) return;
    const radius = width * (point < FACE ? 0.9 : 1.5);
    dots.moveTo(x + radius, y);
    dots.arc(x, y, radius, 0, 2 * Math.PI);
  });
  context.lineCap = "round";
  context.lineJoin = "round";
  for (const [colour, extra] of [["rgb(0 0 0 / 65%)", width], ["#fff", 0]]) {
    context.strokeStyle = colour;
    context.fillStyle = colour;
    context.lineWidth = width + extra;
    context.stroke(lines);
    if (extra) {
      context.lineWidth = extra;
      context.stroke(dots);
    }
    context.fill(dots);
  }
}
