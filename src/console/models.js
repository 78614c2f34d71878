// Every model: its targets, how they do now, the canary's slider and its rollout.

import { call, model as at } from "./api.js";
import { ask, button, h, keyed, narrowed, say, tell } from "./dom.js";
import { percent, rate, seconds } from "./format.js";
import { canaryView } from "./canary.js";
import { rolloutView } from "./rollout.js";
import { Trace } from "./trace.js";

const COLUMNS = ["Target", "Share", "Seen", "Requests/s", "Errors, 1 min", "p99, 1 min", "In flight", "Breaker"];

// One row. Rates are of the answers between two looks, smoothed a little.
function targetView(model, refresh) {
  const cell = (label) => h("td", { "data-label": label });
  const cells = Object.fromEntries(COLUMNS.slice(1).map((label) => [label, cell(label)]));
  const trace = new Trace(60);
  const speed = h("span", {});
  cells["Requests/s"].append(speed, trace.root);
  const name = h("strong", {});
  const where = h("small", {});
  const arm = h("span", { class: "tag canary" }, "canary");
  const held = h("select", {}, ["automatic", "open", "closed"].map((state) =>
    h("option", { value: state }, state === "automatic" ? "automatic" : `held ${state}`)));
  const state = h("span", { class: "tag" });
  cells.Breaker.append(h("div", { class: "row" }, state, held));
  let last = null;
  let smooth = null;
  let target = null;
  let forced = null; // as it was last told
  held.addEventListener("change", async () => {
    const wanted = held.value;
    const before = target.breaker.forced;
    const put = (value) => call("PUT", at(model.name, `/targets/${encodeURIComponent(target.name)}/breaker`), { body: { state: value } });
    try {
      await put(wanted);
      tell(`${model.name} / ${target.name}: breaker ${wanted === "automatic" ? "left to itself" : `held ${wanted}`}`,
        { act: () => put(before).then(refresh, (failure) => tell(failure.message, { failed: true })) });
    } catch (failure) {
      tell(failure.message, { failed: true });
      held.value = before;
    }
    refresh();
  });
  return {
    root: h("tr", {}, h("th", { scope: "row" }, h("div", { class: "row" }, name, arm), where), Object.values(cells)),
    update({ one, seen }) {
      target = one;
      say(name, one.name);
      say(where, `${one.provider}${one.model ? ` · ${one.model}` : ""}`);
      arm.hidden = !one.canary;
      const now = performance.now();
      if (last && one.requests >= last.requests && now > last.now) {
        const measured = (one.requests - last.requests) * 1000 / (now - last.now);
        smooth = smooth === null ? measured : smooth + 0.3 * (measured - smooth);
        trace.add(smooth);
      }
      last = { requests: one.requests, now };
      say(speed, rate(smooth));
      say(cells.Share, percent(one.share));
      say(cells.Seen, percent(seen));
      say(cells["Errors, 1 min"], one.last_1m.requests ? percent(one.last_1m.error_rate, 2) : "–");
      say(cells["p99, 1 min"], seconds(one.last_1m.p99_seconds));
      say(cells["In flight"], String(one.in_flight));
      const broken = one.ejected ? "ejected" : one.breaker.state;
      say(state, broken);
      state.dataset.state = broken;
      held.setAttribute("aria-label", `Breaker of ${one.name}`);
      // While somebody is at the field, only a change made elsewhere moves it.
      if (one.breaker.forced !== forced || document.activeElement !== held) held.value = one.breaker.forced;
      forced = one.breaker.forced;
    },
  };
}

function modelView(model, refresh) {
  const rows = h("tbody", {});
  const views = new Map();
  const canary = canaryView(refresh);
  const rollout = rolloutView(refresh);
  const aliases = h("small", {});
  const live = h("span", { class: "tag" }, "changed live");
  const recent = []; // of a minute: {requests by target}
  const kill = button("Kill switch", () => ask(`Send all of ${model.name} to stable?`,
    h("p", {}, "At once, and every rollout of the model is stopped."), {
      action: "To stable now", danger: true,
      send: async () => { await call("POST", at(model.name, "/kill")); refresh(); },
    }), { class: "danger" });
  // What each target got of the last minute's requests, as counted here.
  const seen = (now) => {
    const counts = Object.fromEntries(now.targets.map((one) => [one.name, one.requests]));
    // After a restart everything is counted from 0.
    if (now.targets.some((one) => one.requests < (recent.at(-1)?.[one.name] ?? 0))) recent.length = 0;
    recent.push(counts);
    if (recent.length > 60) recent.shift();
    const got = now.targets.map((one) => Math.max(0, one.requests - (recent[0][one.name] ?? one.requests)));
    const all = got.reduce((sum, one) => sum + one, 0);
    return got.map((one) => (all === 0 ? null : one / all));
  };
  return {
    root: h("section", { class: "card" },
      h("div", { class: "row" }, h("h2", {}, model.name), live, aliases, h("span", { class: "gap" }), kill),
      h("div", { class: "wide" }, h("table", { class: "folds" },
        h("caption", { class: "hidden" }, `Targets of ${model.name}`),
        h("thead", {}, h("tr", {}, COLUMNS.map((column) => h("th", { scope: "col" }, column)))), rows)),
      canary.root, rollout.root),
    update(now) {
      say(aliases, now.aliases.length ? `also ${now.aliases.join(", ")}` : "");
      live.hidden = !now.live;
      const has = now.targets.some((one) => one.canary);
      kill.hidden = canary.root.hidden = rollout.root.hidden = !has;
      const parts = seen(now);
      keyed(rows, views, now.targets.map((one, number) => ({ one, seen: parts[number] })), (item) => item.one.name,
        () => targetView(now, refresh));
      if (has) canary.update(now);
      if (has) rollout.update(now);
    },
  };
}

export function modelsPage({ refresh }) {
  const cards = h("div", { class: "page" });
  const views = new Map();
  const empty = h("p", {}, "No model is configured.");
  let last = { models: [] };
  const show = (data) => {
    last = data;
    empty.hidden = data.models.length > 0;
    const models = find.of(data.models, (one) => [one.name, ...one.aliases].join(" "))
      .map((one) => ({ ...one, version: data.version }));
    keyed(cards, views, models, (one) => one.name, (one) => modelView(one, refresh));
  };
  const find = narrowed("a model", 30, () => show(last));
  return { root: h("div", { class: "page" }, find.root, empty, cards), every: 1000, load: () => call("GET", "models"), show };
}
