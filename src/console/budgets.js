// Budgets: what is spent, what is left, and more of it.

import { call } from "./api.js";
import { ask, button, field, h, keyed, narrowed, say, tell } from "./dom.js";
import { count, dollars, instant } from "./format.js";

function budgetView(refresh) {
  let one = null;
  const id = h("th", { scope: "row" });
  const cells = Object.fromEntries(["Spent", "Limit", "Left", "Ends"].map((label) => [label, h("td", { "data-label": label })]));
  const meter = h("meter", { min: 0 });
  const told = h("span", {});
  cells.Spent.append(told, " ", meter);
  const more = button("Top up", () => {
    // However often it is sent from one dialog, it is booked once.
    const operation = crypto.getRandomValues(new BigUint64Array(2)).join("-");
    ask(`More for ${one.id}`,
      field("USD, for this period only", h("input", { name: "usd", type: "number", min: 0.01, step: "any", required: true })), {
        action: "Top up",
        send: async ({ usd }) => {
          await call("POST", `budgets/${encodeURIComponent(one.id)}/topup`, { body: { usd: Number(usd) }, operation });
          tell(`${one.id}: ${dollars(Number(usd))} more`);
          refresh();
        },
      });
  });
  return {
    root: h("tr", {}, id, Object.values(cells), h("td", {}, more)),
    update(now) {
      one = now;
      say(id, now.id);
      const limit = now.limit_usd;
      say(told, dollars(now.spent_usd));
      say(cells.Limit, dollars(limit) + (now.topped_up_usd ? ` (${dollars(now.topped_up_usd)} topped up)` : ""));
      say(cells.Left, now.left_usd > 0 ? dollars(now.left_usd) : "spent");
      cells.Left.classList.toggle("failed", now.left_usd <= 0);
      say(cells.Ends, instant(now.ends));
      Object.assign(meter, { max: limit || 1, high: now.soft_usd || limit, low: (now.soft_usd || limit) / 2, optimum: 0, value: now.spent_usd });
      meter.setAttribute("aria-label", `Spent of ${now.id}`);
    },
  };
}

function usageTable(data) {
  const columns = ["Key", "Model", "Requests", "Input", "Output", "Cost"];
  const most = data.rows.toSorted((a, b) => b.cost_usd - a.cost_usd).slice(0, 100);
  const told = most.length < data.rows.length ? `Last 24 hours, the ${most.length} of ${data.rows.length} that cost most` : "Last 24 hours";
  return h("table", { class: "folds" }, h("caption", {}, told),
    h("thead", {}, h("tr", {}, columns.map((one) => h("th", { scope: "col" }, one)))),
    h("tbody", {}, most.map((row) => h("tr", {}, h("th", { scope: "row" }, row.key || "–"),
      h("td", { "data-label": "Model" }, row.model), h("td", { "data-label": "Requests" }, count(row.requests)),
      h("td", { "data-label": "Input" }, count(row.input_tokens)), h("td", { "data-label": "Output" }, count(row.output_tokens)),
      h("td", { "data-label": "Cost" }, dollars(row.cost_usd) + (row.price_unknown ? `, ${count(row.price_unknown)} without a price` : ""))))));
}

export function budgetsPage({ refresh }) {
  const rows = h("tbody", {});
  const views = new Map();
  const none = h("p", {}, "No key, tenant or model has a budget.");
  const usage = h("div", { class: "wide" });
  let last = null;
  const show = (data) => {
    last = data;
    none.hidden = data.budgets.length > 0;
    keyed(rows, views, find.of(data.budgets, (one) => one.id), (one) => one.id, () => budgetView(refresh));
    usage.replaceChildren(usageTable(data.used));
  };
  const find = narrowed("a budget", 100, () => show(last));
  return {
    root: h("div", { class: "page" },
      h("section", { class: "card" }, h("h2", {}, "Budgets"), none, find.root, h("div", { class: "wide" }, h("table", { class: "folds" },
        h("caption", { class: "hidden" }, "Budgets"),
        h("thead", {}, h("tr", {}, ["Budget", "Spent", "Limit", "Left", "Ends", "Change"].map((one) => h("th", { scope: "col" }, one)))), rows))),
      h("section", { class: "card" }, h("h2", {}, "Usage"), usage)),
    every: 3000,
    load: async () => {
      const [budgets, used] = await Promise.all([call("GET", "budgets"), call("GET", "usage?by=key,model&since=24h")]);
      return { budgets: budgets.budgets, used };
    },
    show,
  };
}
