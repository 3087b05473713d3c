// Live curves in plain SVG: lines over the minutes, values on a linear or a logarithmic axis.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 480;
const HEIGHT = 200;
const [LEFT, RIGHT, TOP, BOTTOM] = [44, 8, 10, 24];
const SHOWN = 240;
const COLOURS = 8;

function draw(name, attributes, text = "") {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

const shown = (value) => Number(value.toPrecision(value >= 100 ? 3 : 2)).toString();

/** One chart. `element` gets the drawing and, below it, the legend with the newest values. */
export class Plot {
  #element;
  #title;
  #logarithmic;

  constructor(element, title, { logarithmic = false } = {}) {
    this.#element = element;
    this.#title = title;
    this.#logarithmic = logarithmic;
  }

  /** `series`: `{name: [[seconds, value], ...]}`; `names`: how people call them; `seconds`: the axis' end. */
  show(series, names, seconds) {
    const entries = Object.entries(series).filter(([, points]) => points.length);
    this.#element.hidden = entries.length === 0;
    if (!entries.length) return;
    const scale = this.#logarithmic ? (value) => Math.log10(Math.max(value, 1e-6)) : (value) => value;
    const values = entries.flatMap(([, points]) => points.map(([, value]) => scale(value)));
    let [low, high] = [Math.min(...values), Math.max(...values)];
    // One value alone has a range too.
    const least = Math.max(Math.abs(high) * 0.1, 1e-6);
    if (high - low < least) [low, high] = [(low + high - least) / 2, (low + high + least) / 2];
    const x = (time) => LEFT + (time / Math.max(seconds, 1)) * (WIDTH - LEFT - RIGHT);
    const y = (value) => HEIGHT - BOTTOM - ((scale(value) - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
    const svg = draw("svg", {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      role: "img",
      "aria-label": `${this.#title}: ${entries.map(([name, points]) => `${names[name] ?? name} ${shown(points.at(-1)[1])}`).join(", ")}`,
    });
    for (const share of [0, 0.5, 1]) {
      const raw = low + share * (high - low);
      const value = this.#logarithmic ? 10 ** raw : raw;
      svg.append(
        draw("line", { class: "plot-grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value) }),
        draw("text", { class: "plot-text", x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, shown(value)),
      );
    }
    svg.append(
      draw("text", { class: "plot-text", x: LEFT, y: HEIGHT - 6 }, "0"),
      draw("text", { class: "plot-text", x: WIDTH - RIGHT, y: HEIGHT - 6, "text-anchor": "end" }, span(seconds)),
    );
    const legend = document.createElement("ul");
    legend.className = "plot-legend";
    entries.forEach(([name, points], number) => {
      const colour = `plot-${number % COLOURS}`;
      const some = thinned(points);
      const line = some.map(([time, value]) => `${x(time).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
      svg.append(draw("polyline", { class: `plot-line ${colour}`, points: line }));
      const [time, value] = points.at(-1);
      svg.append(draw("circle", { class: `plot-dot ${colour}`, cx: x(time), cy: y(value), r: 3 }));
      const item = document.createElement("li");
      const key = document.createElement("span");
      key.className = `plot-key ${colour}`;
      const text = document.createElement("span");
      text.textContent = names[name] ?? name;
      const now = document.createElement("strong");
      now.className = "numbers";
      now.textContent = shown(value);
      item.append(key, text, now);
      legend.append(item);
    });
    this.#element.replaceChildren(svg, legend);
  }
}

function span(seconds) {
  return seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}

/** Each point the mean of the last few: one batch is easy, the next hard. */
export function smoothed(points, few = 8) {
  return points.map(([time], place) => {
    const some = points.slice(Math.max(0, place - few + 1), place + 1);
    return [time, some.reduce((sum, [, value]) => sum + value, 0) / some.length];
  });
}

/** Means of neighbours, so that no curve has more points than pixels. */
function thinned(points) {
  const group = Math.ceil(points.length / SHOWN);
  if (group < 2) return points;
  const made = [];
  for (let first = 0; first < points.length; first += group) {
    const some = points.slice(first, first + group);
    made.push([0, 1].map((part) => some.reduce((sum, one) => sum + one[part], 0) / some.length));
  }
  made.push(points.at(-1));
  return made;
}
