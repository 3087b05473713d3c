// The six checks, the coverage meter and the ring of raised hands, from the server's "state".

const element = (id) => document.getElementById(id);

const AWAY = ["whole_body", "distance"]; // They ask one to step back.

export class Guide {
  #items = new Map();
  #missing = "";

  /** Show one "state" message; `near`: the face alone is wanted, so that coming near is right. */
  show({ guide, coverage, hands_up: handsUp }, near = false) {
    for (const item of guide?.items ?? []) {
      this.#check(item);
      this.#items.get(item.name).hidden = near && AWAY.includes(item.name);
    }
    if (coverage) this.#cover(coverage);
    this.#hands(handsUp ?? 0);
  }

  #check({ name, ok, text }) {
    let line = this.#items.get(name);
    if (!line) {
      line = document.createElement("li");
      line.dataset.check = name;
      element("guide").append(line);
      this.#items.set(name, line);
    }
    if (line.textContent !== text) line.textContent = text;
    line.classList.toggle("ok", ok);
  }

  #cover({ fraction, new: isNew, missing }) {
    const percent = Math.round(fraction * 100);
    element("coverage-fill").style.width = `${percent}%`;
    element("coverage").setAttribute("aria-valuenow", percent);
    element("coverage-share").textContent = `${percent} %`;
    if (isNew) flash(element("coverage"));
    const text = missing.join("|");
    if (text === this.#missing) return;
    this.#missing = text;
    element("coverage-hint").textContent = missing.length ? "Not seen yet:" : "You have done it all.";
    element("missing").replaceChildren(
      ...missing.map((pose) => {
        const line = document.createElement("li");
        line.textContent = pose;
        return line;
      }),
    );
  }

  #hands(share) {
    element("hands").hidden = share < 0.05;
    element("hands-fill").style.strokeDashoffset = 100 - share * 100;
  }
}

function flash(target) {
  target.classList.remove("flash");
  void target.offsetWidth; // Restarts the animation.
  target.classList.add("flash");
}
