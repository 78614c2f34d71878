// What the file says, what was changed live, and what holds.

import { call } from "./api.js";
import { button, h, say, tell } from "./dom.js";

// {"models.m.targets[stable].weight": 90}: lists of named things by their names.
function flat(value, path = "", into = new Map()) {
  if (Array.isArray(value) && value.every((one) => one && typeof one === "object"))
    value.forEach((one, number) => flat(one, `${path}[${one.name ?? one.id ?? number}]`, into));
  else if (value && typeof value === "object" && !Array.isArray(value))
    for (const [name, one] of Object.entries(value)) flat(one, path ? `${path}.${name}` : name, into);
  else into.set(path, JSON.stringify(value));
  return into;
}

function difference(file, result) {
  const [before, after] = [flat(file), flat(result)];
  return [...new Set([...before.keys(), ...after.keys()])].filter((path) => before.get(path) !== after.get(path))
    .map((path) => [path, before.get(path) ?? "–", after.get(path) ?? "–"]);
}

export function configPage({ refresh }) {
  const from = h("p", { class: "note" });
  const rows = h("tbody", {});
  const same = h("p", {}, "Nothing was changed live: the file holds.");
  const changed = h("div", { class: "wide" }, h("table", { class: "folds" }, h("caption", { class: "hidden" }, "Changed live"),
    h("thead", {}, h("tr", {}, ["Setting", "File", "Holds"].map((one) => h("th", { scope: "col" }, one)))), rows));
  const shapes = Object.fromEntries(["file", "overrides", "result"].map((name) => [name, h("pre", { tabindex: 0, "aria-label": name })]));
  const complaints = h("ul", { class: "failed" });
  const reload = button("Read the file again", async () => {
    complaints.replaceChildren();
    try {
      await call("POST", "reload");
      tell("the file was read again");
    } catch (failure) {
      complaints.replaceChildren(h("li", {}, failure.message));
    }
    refresh();
  });
  return {
    root: h("div", { class: "page" },
      h("section", { class: "card" }, h("div", { class: "row" }, h("h2", {}, "Configuration"), h("span", { class: "gap" }), reload), from, complaints, same, changed),
      h("section", { class: "card" }, Object.entries(shapes).map(([name, pre]) =>
        h("details", {}, h("summary", {}, { file: "The file", overrides: "Live changes", result: "What holds" }[name]), pre)))),
    every: 3000,
    load: () => call("GET", "config"),
    show(data) {
      say(from, `${data.path}, version ${data.version}`);
      const lines = difference(data.file, data.result);
      same.hidden = lines.length > 0;
      changed.hidden = lines.length === 0;
      rows.replaceChildren(...lines.map(([path, file, result]) => h("tr", {}, h("th", { scope: "row" }, h("code", {}, path)),
        h("td", { "data-label": "File" }, h("del", {}, file)), h("td", { "data-label": "Holds" }, h("ins", {}, result)))));
      for (const [name, pre] of Object.entries(shapes)) say(pre, JSON.stringify(data[name], null, 2));
    },
  };
}
