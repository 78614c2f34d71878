// A rollout: its steps, where it stands, its guards and what they see.

import { call, model as at } from "./api.js";
import { ask, button, field, h, keyed, say, tell } from "./dom.js";
import { dollars, duration, percent, seconds } from "./format.js";

// A guard's values are parts of 1, seconds or dollars, by its name.
function guardValue(guard, value) {
  if (value === null || value === undefined) return "–";
  if (/^(p99|first_token)$/.test(guard)) return seconds(value);
  if (guard === "cost") return dollars(value);
  return percent(value, 2);
}

function seenValue(guard, value) {
  return guardValue(guard.replace(/_above_stable$/, ""), value);
}

function guardView() {
  const name = h("th", { scope: "row" });
  const cells = ["Allowed", "Canary", "Stable"].map((label) => h("td", { "data-label": label }));
  const meter = h("meter", { min: 0, max: 1, low: 0.5, high: 0.8, optimum: 0 });
  const told = h("small", {});
  return {
    root: h("tr", {}, name, cells, h("td", { "data-label": "Evidence against it" }, meter, " ", told)),
    update(one) {
      say(name, one.guard.replaceAll("_", " "));
      say(cells[0], guardValue(one.guard, one.allowed));
      say(cells[1], seenValue(one.guard, one.canary));
      say(cells[2], seenValue(one.guard, one.stable));
      // Evidence multiplies, so its bar is drawn by its logarithm.
      const part = Math.log(Math.max(one.evidence, 1)) / Math.log(Math.max(one.rolls_back_at, 2));
      meter.value = Math.min(part, 1);
      meter.setAttribute("aria-label", `Evidence against ${one.guard}`);
      say(told, `${one.evidence.toPrecision(2)} of ${one.rolls_back_at}`);
    },
  };
}

function standing(rollout) {
  const { state, step, steps, next, reason } = rollout;
  const why = reason ? `: ${reason}` : "";
  if (state !== "running") return `${state}${why}`;
  const waits = [];
  if (next?.seconds > 0) waits.push(duration(next.seconds));
  if (next?.attempts > 0) waits.push(`${next.attempts} more attempts`);
  if (next?.doubtful) waits.push("less doubt");
  return `step ${step} of ${steps}${waits.length ? `, next after ${waits.join(" and ")}` : ""}`;
}

export function rolloutView(refresh) {
  let model = null;
  const steps = h("ol", { class: "steps" });
  const guards = h("tbody", {});
  const views = new Map();
  const told = h("p", {});
  const evidence = h("p", { class: "note" });
  const post = (what, words) => async () => {
    try {
      await call("POST", at(model.name, `/${what}`));
      tell(`${model.name}: ${words}`);
    } catch (failure) {
      tell(failure.message, { failed: true });
    }
    refresh();
  };
  const start = () => {
    const now = model.rollout?.settings;
    ask(`Roll out the canary of ${model.name}`, h("div", {},
      field("Steps, percent", h("input", { name: "steps", value: now?.steps.map((one) => one.replace("%", "")).join(", ") ?? "" }),
        "as 5, 25, 50, 100; empty: as the file has them"),
      field("Every", h("input", { name: "every", value: now?.every ?? "" }), "as 10m or 24h; empty: as the file has it")), {
      action: "Start",
      send: async ({ steps: list, every }) => {
        const body = {};
        if (list.trim()) body.steps = list.split(",").map((one) => Number(one.trim().replace("%", "")));
        if (every.trim()) body.every = every.trim();
        await call("PUT", at(model.name, "/rollout"), { body });
        refresh();
      },
    });
  };
  const actions = {
    start: button("Start a rollout", start),
    promote: button("Next step now", post("promote", "promoted")),
    freeze: button("Freeze", post("freeze", "frozen")),
    resume: button("Resume", post("resume", "resumed")),
    rollback: button("Roll back", post("rollback", "rolled back"), { class: "danger" }),
  };
  const table = h("div", { class: "wide" }, h("table", { class: "folds" }, h("caption", {}, "Guards"),
    h("thead", {}, h("tr", {}, ["Guard", "Allowed", "Canary", "Stable", "Evidence against it"].map((one) =>
      h("th", { scope: "col" }, one)))), guards));
  return {
    root: h("section", { class: "part" }, h("div", { class: "row" }, h("h3", {}, "Rollout"), told, h("span", { class: "gap" }),
      Object.values(actions)), steps, table, evidence),
    update(now) {
      model = now;
      const one = now.rollout;
      const state = one?.state ?? "none";
      const active = ["running", "frozen", "paused"].includes(state);
      say(told, one ? standing(one) : "none");
      told.dataset.state = state;
      actions.start.hidden = ["running", "frozen"].includes(state);
      actions.promote.hidden = !["running", "frozen"].includes(state);
      actions.rollback.hidden = !active && state !== "done";
      actions.freeze.hidden = state !== "running";
      actions.resume.hidden = !["frozen", "paused"].includes(state);
      steps.hidden = table.hidden = evidence.hidden = !one;
      if (!one) return;
      steps.replaceChildren(...one.settings.steps.map((step, number) => h("li", {
        class: number + 1 < one.step || state === "done" ? "done" : number + 1 === one.step && active ? "now" : "",
        "aria-current": number + 1 === one.step && active ? "step" : null,
      }, step)));
      keyed(guards, views, one.guards, (guard) => guard.guard, guardView);
      const { canary, stable } = one.evidence;
      say(evidence, `Seen on this step: canary ${canary.attempts} attempts, ${canary.failed} failed, ${canary.truncated} cut; `
        + `stable ${stable.attempts}, ${stable.failed}, ${stable.truncated}.`);
    },
  };
}
