// The canary's share: a slider, what a move would change, and the way back.

import { call, model as at } from "./api.js";
import { button, h, say, tell } from "./dom.js";
import { percent, rate } from "./format.js";

// "of what": how clients move with the share.
function whoMoves(sticky, from, to) {
  if (sticky === "none") return "Any request may go to either arm.";
  const way = to > from ? "to the canary, none away from it" : "away from the canary, none to it";
  return `Clients (by ${sticky}) only move ${way}.`;
}

export function canaryView(refresh) {
  let model = null;
  let base = null; // {percent, version} the slider was taken at, while it is being moved
  let undo = null;
  const slider = h("input", { type: "range", min: 0, max: 100, step: 0.1 });
  const exact = h("input", { type: "number", min: 0, max: 100, step: "any", inputmode: "decimal" });
  const preview = h("p", { class: "preview", role: "status" });
  const failed = h("p", { class: "failed", role: "alert", hidden: true });
  const current = () => {
    const canary = model.targets.filter((one) => one.canary);
    return canary.reduce((sum, one) => sum + one.share, 0) * 100;
  };
  const speed = () => model.targets.reduce((sum, one) => sum + one.last_1m.requests_per_second, 0);

  function draw() {
    const moving = base !== null;
    apply.disabled = cancel.disabled = !moving;
    if (!moving) {
      say(preview, undo === null ? "" : `Before the last change here: ${percent(undo / 100, 2)}.`);
      return;
    }
    const to = Number(exact.value);
    const now = speed();
    const stops = ["running", "frozen", "paused"].includes(model.rollout?.state) ? " The rollout stops." : "";
    say(preview, `${percent(base.percent / 100, 2)} → ${percent(to / 100, 2)} of the requests to the canary: `
      + `about ${rate(now * base.percent / 100)} → ${rate(now * to / 100)} requests/s now. `
      + `${whoMoves(model.sticky, base.percent, to)}${stops}`);
  }

  function moved(from, to) {
    failed.hidden = true;
    base ??= { percent: current(), version: model.version };
    to.value = from.value;
    draw();
  }

  function settle() {
    base = null;
    slider.value = exact.value = Number(current().toFixed(3));
    draw();
  }

  // Undoing is a change of its own: it is made against whatever is there now.
  async function put(value, version) {
    const before = current();
    await call("PUT", at(model.name, "/canary"), { body: { percent: value }, version });
    undo = before;
    tell(`${model.name}: canary ${percent(before / 100, 2)} → ${percent(value / 100, 2)}`, { act: () => back(before) });
    base = null;
    await refresh();
  }

  function back(value) {
    put(value).catch((failure) => tell(failure.message, { failed: true }));
  }

  const apply = h("button", { type: "submit", class: "primary", disabled: true }, "Apply");
  const cancel = button("Cancel", () => { failed.hidden = true; settle(); }, { disabled: true });
  slider.addEventListener("input", () => moved(slider, exact));
  exact.addEventListener("input", () => moved(exact, slider));
  const label = h("label", { class: "slider" }, h("span", {}, "Canary"), slider);
  const form = h("form", { class: "part", novalidate: true }, label,
    h("div", { class: "row" }, exact, "%", apply, cancel), preview, failed);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (base === null) return;
    apply.disabled = true;
    try {
      await put(exact.value === "" ? NaN : Number(exact.value), base.version);
    } catch (failure) {
      failed.hidden = false;
      say(failed, failure.message);
      base = failure.status === 412 ? null : base;
      await refresh();
    }
    draw();
  });
  return {
    root: form,
    update(now) {
      model = now;
      slider.setAttribute("aria-label", `Canary share of ${now.name}, percent`);
      exact.setAttribute("aria-label", `Canary share of ${now.name} as a number, percent`);
      if (base === null) settle();
      else draw();
    },
  };
}
