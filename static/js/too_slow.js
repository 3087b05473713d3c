// A performer that is too much for the machine: one click draws it smaller.

import { flash } from "./flash.js";

const SURE = 8; // States, four a second, that must agree: a hiccup is not slowness.
const element = (id) => document.getElementById(id);

export class TooSlow {
  #slow = 0; // How many states in a row said so; negative: said no.

  constructor(session) {
    element("smaller").addEventListener("click", () => {
      if (!session.send("smaller")) return;
      this.show(null);
      flash("It is drawn smaller now.");
    });
  }

  /** One "state" message; null when there is no call. */
  show(state) {
    if (!state) this.#slow = 0;
    else if (state.smaller) this.#slow = Math.max(1, this.#slow + 1);
    else this.#slow = Math.min(-1, this.#slow - 1);
    if (this.#slow >= SURE) element("smaller").hidden = false;
    else if (!state || this.#slow <= -SURE) element("smaller").hidden = true;
  }
}
