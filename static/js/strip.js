// Thumbnails of all pairs; only those in view are in the document, so that thousands cost nothing.

import { clock, remarks } from "./wording.js";

const CELL_WIDTH = 168;
const GAP = 8;
const LABEL = 30;
const MARGIN_ROWS = 1;
const SOON = "100px"; // Pictures so near to the window are fetched: most of the strip lies below it.
const EDGE = 36; // Pixels from the border where a drag scrolls.

export class Strip {
  #pairs = [];
  #cells = new Map();
  #current = 0;
  #aspect = 0.75;
  #layout = { columns: 1, cellWidth: CELL_WIDTH, rowHeight: CELL_WIDTH };
  #drag = null;
  #near = new IntersectionObserver((entries) => this.#fetch(entries), { rootMargin: SOON });

  /**
   * `outer` scrolls, `inner` is as high as all rows. `urls(index)`: small `[frame, mask]`;
   * `opened(place)`: somebody wants to look at it; `selection`: told what is chosen.
   */
  constructor({ outer, inner, urls, opened, selection }) {
    Object.assign(this, { outer, inner, urls, opened, selection });
    /** The next click ends a range: for fingers, which have no Shift key. */
    this.extending = false;
    outer.addEventListener("scroll", () => this.#render(), { passive: true });
    new ResizeObserver(() => this.#measure()).observe(outer);
    inner.addEventListener("pointerdown", (event) => this.#press(event));
    inner.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) {
      inner.addEventListener(name, () => this.#release());
    }
    inner.addEventListener("click", (event) => this.#click(event));
    outer.addEventListener("keydown", (event) => this.#key(event));
  }

  setPairs(pairs, aspect) {
    this.#pairs = pairs;
    this.#aspect = aspect;
    for (const place of [...this.#cells.keys()]) this.#remove(place);
    this.#measure();
  }

  /** The pair that is looked at. `gently`: the person may have scrolled elsewhere meanwhile. */
  setCurrent(place, gently = false) {
    const follow = !gently || this.#hidden(this.#current) === 0;
    this.#current = place;
    if (follow) this.outer.scrollTop += this.#hidden(place);
    this.mark();
  }

  /** Show anew what is chosen and what is looked at. */
  mark() {
    for (const [place, cell] of this.#cells) {
      const chosen = this.selection.has(place);
      cell.classList.toggle("selected", chosen);
      cell.classList.toggle("current", place === this.#current);
      cell.setAttribute("aria-selected", chosen);
    }
    const current = this.#cells.get(this.#current);
    if (current) this.outer.setAttribute("aria-activedescendant", current.id);
    else this.outer.removeAttribute("aria-activedescendant");
  }

  /** By how many pixels to scroll until a place is in view: negative for up, 0 when it is. */
  #hidden(place) {
    const { columns, rowHeight } = this.#layout;
    const top = Math.floor(place / columns) * rowHeight - this.outer.scrollTop;
    if (top < -1) return top;
    return Math.max(0, Math.floor(top + rowHeight - GAP - this.outer.clientHeight));
  }

  #measure() {
    const width = this.outer.clientWidth;
    const columns = Math.max(2, Math.floor((width + GAP) / (CELL_WIDTH + GAP)));
    const cellWidth = (width - GAP * (columns - 1)) / columns;
    const rowHeight = (cellWidth / 2) * this.#aspect + LABEL + GAP;
    this.#layout = { columns, cellWidth, rowHeight };
    this.inner.style.height = `${Math.ceil(this.#pairs.length / columns) * rowHeight}px`;
    this.#render();
  }

  #render() {
    const { columns, cellWidth, rowHeight } = this.#layout;
    const first = Math.max(0, Math.floor(this.outer.scrollTop / rowHeight) - MARGIN_ROWS);
    const rows = Math.ceil(this.outer.clientHeight / rowHeight) + 2 * MARGIN_ROWS;
    const from = first * columns;
    const to = Math.min((first + rows) * columns, this.#pairs.length);
    for (const place of [...this.#cells.keys()]) {
      if (place < from || place >= to) this.#remove(place);
    }
    for (let place = from; place < to; place += 1) {
      const cell = this.#cells.get(place) ?? this.#make(place);
      cell.style.width = `${cellWidth}px`;
      cell.style.height = `${rowHeight - GAP}px`;
      const x = (place % columns) * (cellWidth + GAP);
      const y = Math.floor(place / columns) * rowHeight;
      cell.style.transform = `translate(${x}px, ${y}px)`;
    }
    this.mark();
  }

  #fetch(entries) {
    for (const { target: cell, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      this.#near.unobserve(cell);
      for (const image of cell.querySelectorAll("img[data-src]")) image.src = image.dataset.src;
    }
  }

  #remove(place) {
    const cell = this.#cells.get(place);
    this.#near.unobserve(cell);
    for (const image of cell.querySelectorAll("img")) {
      if (!image.complete) image.removeAttribute("src"); // Scrolled past: no longer wanted.
    }
    cell.remove();
    this.#cells.delete(place);
  }

  #make(place) {
    const pair = this.#pairs[place];
    const flags = remarks(pair).join(", ");
    const cell = element("div", "cell");
    cell.id = `cell-${place}`;
    cell.dataset.place = place;
    cell.setAttribute("role", "option");
    cell.setAttribute("aria-posinset", place + 1);
    cell.setAttribute("aria-setsize", this.#pairs.length);
    cell.setAttribute("aria-label", `Frame ${pair.index}${flags ? `, ${flags}` : ""}`);
    cell.title = `Frame ${pair.index} at ${clock(pair.time_s)}${flags ? `: ${flags}` : ""}`;
    const pictures = element("div", "cell-pictures");
    const [frame, mask] = this.urls(pair.index);
    for (const url of [frame, pair.edits.erased ? "" : mask]) {
      const image = element("img", "");
      if (url) image.dataset.src = url;
      image.alt = "";
      image.draggable = false;
      pictures.append(image);
    }
    const label = element("div", "cell-label numbers");
    label.append(element("span", "cell-tick"), element("span", "", pair.index));
    if (flags) label.append(element("span", "cell-flag", flags));
    cell.append(pictures, label);
    this.inner.append(cell);
    this.#near.observe(cell);
    this.#cells.set(place, cell);
    return cell;
  }

  #click(event) {
    const cell = event.target.closest(".cell");
    if (!cell || this.#drag?.drawn) {
      this.#drag = null;
      return;
    }
    this.#drag = null;
    const place = Number(cell.dataset.place);
    if (event.shiftKey || this.extending) this.selection.extend(place);
    else if (event.ctrlKey || event.metaKey || event.target.closest(".cell-label")) {
      this.selection.toggle(place);
    } else {
      this.selection.anchor = place;
      this.opened(place);
    }
  }

  // A mouse held down draws a range; a finger scrolls.

  #press(event) {
    this.#drag = null;
    const cell = event.target.closest(".cell");
    if (!cell || event.pointerType === "touch" || event.button !== 0) return;
    if (event.shiftKey || event.ctrlKey || event.metaKey) return;
    this.#drag = { place: Number(cell.dataset.place), drawn: false, held: true };
  }

  #move(event) {
    if (!event.buttons) this.#release();
    if (!this.#drag?.held) return;
    this.#drag.at = [event.clientX, event.clientY];
    if (this.#drag.drawn) {
      this.#draw();
      return;
    }
    if (this.#under(...this.#drag.at) === this.#drag.place) return;
    this.#drag.drawn = true;
    this.inner.setPointerCapture(event.pointerId);
    this.selection.begin(this.#drag.place);
    this.#draw();
    this.#scrollAtEdge();
  }

  #release() {
    if (this.#drag) this.#drag.held = false;
  }

  #draw() {
    this.selection.drawTo(this.#under(...this.#drag.at));
  }

  #scrollAtEdge() {
    if (!this.#drag?.held) return;
    const { top, bottom } = this.outer.getBoundingClientRect();
    const y = this.#drag.at[1];
    const over = Math.max(0, y - (bottom - EDGE)) - Math.max(0, top + EDGE - y);
    if (over) {
      this.outer.scrollTop += over / 3;
      this.#draw();
    }
    requestAnimationFrame(() => this.#scrollAtEdge());
  }

  /** The place nearest to a point of the window. */
  #under(x, y) {
    const { left, top } = this.inner.getBoundingClientRect();
    const { columns, cellWidth, rowHeight } = this.#layout;
    const column = clamp(Math.floor((x - left) / (cellWidth + GAP)), columns - 1);
    const row = Math.max(0, Math.floor((y - top) / rowHeight));
    return clamp(row * columns + column, this.#pairs.length - 1);
  }

  #key(event) {
    if (!this.#pairs.length) return;
    const { columns, rowHeight } = this.#layout;
    const page = columns * Math.max(1, Math.floor(this.outer.clientHeight / rowHeight));
    const last = this.#pairs.length - 1;
    const goals = {
      ArrowRight: this.#current + 1,
      ArrowLeft: this.#current - 1,
      ArrowDown: Math.min(this.#current + columns, last),
      ArrowUp: this.#current - columns < 0 ? this.#current : this.#current - columns,
      PageDown: this.#current + page,
      PageUp: this.#current - page,
      Home: 0,
      End: last,
    };
    if (event.key in goals) {
      const goal = clamp(goals[event.key], last);
      if (event.shiftKey) this.selection.extend(goal);
      else this.selection.anchor = goal;
      this.opened(goal);
    } else if (event.key === "Enter") this.selection.toggle(this.#current);
    else if (event.key === "a" && (event.ctrlKey || event.metaKey)) this.selection.all();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

const clamp = (value, most) => Math.max(0, Math.min(value, most));

function element(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}
