// Who changed what, when, from what to what.

import { call } from "./api.js";
import { h } from "./dom.js";
import { instant } from "./format.js";

// Both sides are JSON objects by setting, as text.
function changes(entry) {
  let from = {};
  let to = {};
  try {
    from = JSON.parse(entry.from || "{}");
    to = JSON.parse(entry.to || "{}");
  } catch {
    return h("p", {}, `${entry.from} → ${entry.to}`);
  }
  const names = [...new Set([...Object.keys(from ?? {}), ...Object.keys(to ?? {})])];
  return h("ul", { class: "changes" }, names.map((name) => h("li", {}, h("code", {}, name), " ",
    h("del", {}, JSON.stringify(from?.[name] ?? null)), " → ", h("ins", {}, JSON.stringify(to?.[name] ?? null)))));
}

export function auditPage() {
  const list = h("ol", { class: "audit" });
  const empty = h("p", {}, "Nothing was changed yet.");
  let seen = "";
  return {
    root: h("section", { class: "card" }, h("h2", {}, "Audit log"), empty, list),
    every: 3000,
    load: () => call("GET", "audit?limit=100"),
    show(data) {
      const now = JSON.stringify(data.entries);
      if (now === seen) return;
      seen = now;
      empty.hidden = data.entries.length > 0;
      list.replaceChildren(...data.entries.map((entry) => h("li", {},
        h("p", {}, h("time", { datetime: entry.time }, instant(entry.time)), " ", h("strong", {}, entry.action.replaceAll("_", " ")),
          h("small", {}, ` ${entry.actor}${entry.remote ? ` from ${entry.remote}` : ""}, version ${entry.version}`)),
        entry.reason && h("p", {}, entry.reason), changes(entry))));
    },
  };
}
