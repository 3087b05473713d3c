// Thumbnails of all pairs; only those in view are in the document, so that thousands cost nothing.

const CELL_WIDTH = 160;
const GAP = 8;
const LABEL = 24;
const MARGIN_ROWS = 2;

export class Strip {
  #pairs = [];
  #cells = new Map();
  #selected = new Set();
  #anchor = null;
  #current = -1;
  #aspect = 0.75;

  /** `urls(index)`: small `[frame, mask]`; `opened(place)`; `selectionChanged(set of indices)`. */
  constructor({ outer, inner, urls, opened, selectionChanged }) {
    Object.assign(this, { outer, inner, urls, opened, selectionChanged });
    outer.addEventListener("scroll", () => this.#render(), { passive: true });
    new ResizeObserver(() => this.#render()).observe(outer);
    inner.addEventListener("click", (event) => this.#click(event));
    outer.addEventListener("keydown", (event) => this.#key(event));
  }

  get selected() {
    return this.#selected;
  }

  setPairs(pairs, aspect) {
    this.#pairs = pairs;
    this.#aspect = aspect;
    const there = new Set(pairs.map((pair) => pair.index));
    this.#selected = new Set([...this.#selected].filter((index) => there.has(index)));
    this.#cells.forEach((cell) => cell.remove());
    this.#cells.clear();
    this.#render();
    this.selectionChanged(this.#selected);
  }

  select(indices) {
    this.#selected = new Set(indices);
    this.#mark();
  }

  setCurrent(place, follow = true) {
    this.#current = place;
    this.#mark(false);
    const { columns, rowHeight } = this.#layout();
    const top = Math.floor(place / columns) * rowHeight;
    if (!follow) return;
    if (top < this.outer.scrollTop || top + rowHeight > this.outer.scrollTop + this.outer.clientHeight) {
      this.outer.scrollTop = top - rowHeight;
    }
  }

  #layout() {
    const width = this.outer.clientWidth;
    const columns = Math.max(1, Math.floor((width + GAP) / (CELL_WIDTH + GAP)));
    const cellWidth = (width - GAP * (columns - 1)) / columns;
    const rowHeight = (cellWidth / 2) * this.#aspect + LABEL + GAP;
    return { columns, cellWidth, rowHeight };
  }

  #render() {
    const { columns, cellWidth, rowHeight } = this.#layout();
    const rows = Math.ceil(this.#pairs.length / columns);
    this.inner.style.height = `${rows * rowHeight}px`;
    const first = Math.max(0, Math.floor(this.outer.scrollTop / rowHeight) - MARGIN_ROWS);
    const shown = Math.ceil(this.outer.clientHeight / rowHeight) + 2 * MARGIN_ROWS;
    const from = first * columns;
    const to = Math.min((first + shown) * columns, this.#pairs.length);
    for (const [place, cell] of this.#cells) {
      if (place < from || place >= to) {
        cell.remove();
        this.#cells.delete(place);
      }
    }
    for (let place = from; place < to; place += 1) {
      const cell = this.#cells.get(place) ?? this.#make(place);
      cell.style.width = `${cellWidth}px`;
      cell.style.height = `${rowHeight - GAP}px`;
      const column = place % columns;
      const row = Math.floor(place / columns);
      cell.style.transform = `translate(${column * (cellWidth + GAP)}px, ${row * rowHeight}px)`;
    }
    this.#mark(false);
  }

  #make(place) {
    const pair = this.#pairs[place];
    const cell = document.createElement("div");
    cell.className = "cell";
    cell.dataset.place = place;
    cell.setAttribute("role", "option");
    cell.setAttribute("aria-label", `Frame ${pair.index}`);
    const pictures = document.createElement("div");
    pictures.className = "cell-pictures";
    for (const url of this.urls(pair.index)) {
      const image = document.createElement("img");
      image.src = url;
      image.alt = "";
      image.draggable = false;
      pictures.append(image);
    }
    const label = document.createElement("div");
    label.className = "cell-label numbers";
    const tick = document.createElement("span");
    tick.className = "cell-tick";
    const number = document.createElement("span");
    number.textContent = pair.index;
    label.append(tick, number);
    if (pair.flags.length) {
      const flag = document.createElement("span");
      flag.className = "cell-flag";
      flag.textContent = pair.flags.join(", ").replaceAll("_", " ");
      label.append(flag);
    }
    cell.append(pictures, label);
    this.inner.append(cell);
    this.#cells.set(place, cell);
    return cell;
  }

  #click(event) {
    const cell = event.target.closest(".cell");
    if (!cell) return;
    const place = Number(cell.dataset.place);
    if (event.shiftKey && this.#anchor !== null) this.#selectRange(this.#anchor, place);
    else if (event.ctrlKey || event.metaKey || event.target.closest(".cell-label")) {
      const { index } = this.#pairs[place];
      if (!this.#selected.delete(index)) this.#selected.add(index);
      this.#anchor = place;
    } else {
      this.#anchor = place;
      this.opened(place);
      return;
    }
    this.#mark();
  }

  #selectRange(a, b) {
    for (let place = Math.min(a, b); place <= Math.max(a, b); place += 1) {
      this.#selected.add(this.#pairs[place].index);
    }
  }

  #key(event) {
    const { columns } = this.#layout();
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns };
    const step = steps[event.key];
    if (step) {
      event.preventDefault();
      event.stopPropagation();
      const next = Math.max(0, Math.min(this.#current + step, this.#pairs.length - 1));
      if (event.shiftKey) {
        this.#selectRange(this.#current, next);
        this.#mark();
      } else this.#anchor = next;
      this.opened(next);
    } else if (event.key === "Enter") {
      const { index } = this.#pairs[this.#current] ?? {};
      if (index === undefined) return;
      if (!this.#selected.delete(index)) this.#selected.add(index);
      this.#mark();
    } else if (event.key === "a" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.select(this.#pairs.map((pair) => pair.index));
    }
  }

  #mark(tell = true) {
    for (const [place, cell] of this.#cells) {
      const chosen = this.#selected.has(this.#pairs[place].index);
      cell.classList.toggle("selected", chosen);
      cell.classList.toggle("current", place === this.#current);
      cell.setAttribute("aria-selected", chosen);
    }
    if (tell) this.selectionChanged(this.#selected);
  }
}
