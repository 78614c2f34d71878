// Keys: who may call, and the secrets, shown once.

import { call, key as at } from "./api.js";
import { ask, button, field, h, keyed, narrowed, say, tell } from "./dom.js";
import { instant } from "./format.js";

// The one time a secret is seen.
function showSecret(id, secret) {
  const text = h("output", { class: "secret", tabindex: 0 }, secret);
  ask(`The secret of ${id}`, h("div", {}, h("p", {}, "It is not kept anywhere and not shown again."), text,
    button("Copy", () => navigator.clipboard?.writeText(secret).then(() => tell("copied"), () => tell("this browser does not copy here: select it", { failed: true })))), {
    action: "I have it", firm: true, send: async () => {},
  });
}

function create(refresh) {
  ask("A new key", h("div", {},
    field("Id", h("input", { name: "id", required: true, maxlength: 128 }), "letters, digits, . _ -"),
    field("Tenant", h("input", { name: "tenant" }), "empty: its own"),
    field("Models", h("input", { name: "models", value: "*" }), "names, with commas between; * for all"),
    field("Requests", h("input", { name: "requests", placeholder: "600/min" }), "empty: unlimited"),
    field("Daily budget, USD", h("input", { name: "daily", inputmode: "decimal" }), "empty: unlimited")), {
    action: "Create",
    send: async ({ id, tenant, models, requests, daily }) => {
      const body = { id, models: models.split(",").map((one) => one.trim()).filter(Boolean) };
      if (tenant) body.tenant = tenant;
      if (requests) body.limits = { requests };
      if (daily) body.budget = { daily: `${daily} USD` };
      const made = await call("POST", "keys", { body });
      showSecret(id, made.secret);
      refresh();
    },
  });
}

function keyView(refresh) {
  let one = null;
  const id = h("th", { scope: "row" });
  const cells = Object.fromEntries(["Tenant", "State", "Models", "Secrets", "Expires"].map((label) => [label, h("td", { "data-label": label })]));
  const state = h("span", { class: "tag" });
  cells.State.append(state);
  const rotate = button("Rotate", () => ask(`A new secret for ${one.id}`,
    field("The old one stays valid for", h("input", { name: "grace", value: "24h" }), "as 1h or 7d; 0 ends it now"), {
      action: "Rotate",
      send: async ({ grace }) => {
        const made = await call("POST", at(one.id, "/rotate"), { body: { grace } });
        showSecret(one.id, made.secret);
        refresh();
      },
    }));
  const revoke = button("Revoke", () => ask(`Revoke ${one.id}?`, h("p", {}, "Whoever uses it is refused within a second."), {
    action: "Revoke", danger: true,
    send: async () => { await call("DELETE", at(one.id)); refresh(); },
  }), { class: "danger" });
  return {
    root: h("tr", {}, id, Object.values(cells), h("td", {}, h("div", { class: "row" }, rotate, revoke))),
    update(now) {
      one = now;
      say(id, now.id);
      say(cells.Tenant, now.tenant || "–");
      say(state, now.state);
      state.dataset.state = now.state;
      say(cells.Models, now.settings.models.join(", "));
      say(cells.Secrets, now.secrets.map((each) => each.hash + (each.until ? ` until ${instant(each.until)}` : "")).join(", "));
      say(cells.Expires, instant(now.expires));
      rotate.hidden = revoke.hidden = now.state === "revoked";
    },
  };
}

export function keysPage({ refresh }) {
  const rows = h("tbody", {});
  const views = new Map();
  let last = { keys: [] };
  const show = (data) => {
    last = data;
    open.hidden = !data.open;
    keyed(rows, views, find.of(data.keys, (one) => `${one.id} ${one.tenant}`), (one) => one.id, () => keyView(refresh));
  };
  const find = narrowed("a key", 100, () => show(last));
  const open = h("p", { class: "failed" }, "No key is configured: whoever reaches the gateway may use it.");
  return {
    root: h("section", { class: "card" }, h("div", { class: "row" }, h("h2", {}, "Keys"), h("span", { class: "gap" }),
      button("New key", () => create(refresh), { class: "primary" })), open, find.root,
    h("div", { class: "wide" }, h("table", { class: "folds" }, h("caption", { class: "hidden" }, "Keys"),
      h("thead", {}, h("tr", {}, ["Id", "Tenant", "State", "Models", "Secrets", "Expires", "Change"].map((label) => h("th", { scope: "col" }, label)))),
      rows))),
    every: 2000,
    load: () => call("GET", "keys"),
    show,
  };
}
