// A line of the last values, from 0 to their greatest.

import { h } from "./dom.js";

const WIDTH = 96;
const HEIGHT = 24;

export class Trace {
  #values = [];
  #most;
  #line = h("polyline", { points: "" });

  constructor(most) {
    this.#most = most;
    this.root = h("svg", { class: "trace", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" }, this.#line);
  }

  add(value) {
    this.#values.push(value);
    if (this.#values.length > this.#most) this.#values.shift();
    const top = Math.max(...this.#values, 1e-9);
    const step = WIDTH / (this.#most - 1);
    const from = this.#most - this.#values.length;
    this.#line.setAttribute("points", this.#values.map((one, at) =>
      `${((from + at) * step).toFixed(1)},${(HEIGHT - 1 - (one / top) * (HEIGHT - 2)).toFixed(1)}`).join(" "));
  }
}
