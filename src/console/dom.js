// Small pieces to build a page from. Text only ever becomes text nodes: nothing that a server or a
// person wrote is read as markup.

const SVG = "http://www.w3.org/2000/svg";
const DRAWN = new Set(["svg", "polyline", "line"]);

// h("p", {class: "note", onclick: f}, "text", node, [more])
export function h(tag, attributes = {}, ...children) {
  const node = DRAWN.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// Sets text only where it changed, so that a reader's selection and focus stay.
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// Makes the children of `parent` those of `items`, in their order: views of the same key are kept.
// `make(item)` answers {root, update(item)}.
export function keyed(parent, views, items, keyOf, make) {
  const wanted = new Set(items.map(keyOf));
  for (const [key, view] of views) {
    if (wanted.has(key)) continue;
    view.root.remove();
    views.delete(key);
  }
  items.forEach((item, at) => {
    const key = keyOf(item);
    if (!views.has(key)) views.set(key, make(item));
    const view = views.get(key);
    view.update(item);
    if (parent.children[at] !== view.root) parent.insertBefore(view.root, parent.children[at] ?? null);
  });
}

// For a list that may be long: draws at most `most` of it, with a field to find the others by. `again()` shows it anew.
export function narrowed(what, most, again) {
  const wanted = h("input", { type: "search", "aria-label": `Find ${what}`, placeholder: `Find ${what}`, oninput: () => again() });
  const told = h("small", { role: "status" });
  const root = h("div", { class: "row", hidden: true }, wanted, told);
  return {
    root,
    of(items, nameOf) {
      root.hidden = items.length <= most;
      const part = root.hidden ? "" : wanted.value.trim().toLowerCase();
      const found = items.filter((one) => nameOf(one).toLowerCase().includes(part));
      say(told, found.length > most ? `${most} of ${found.length} are shown` : `${found.length} of ${items.length}`);
      return found.slice(0, most);
    },
  };
}

export function button(text, action, attributes = {}) {
  return h("button", { type: "button", onclick: action, ...attributes }, text);
}

// A labelled field of a form.
export function field(label, input, hint) {
  return h("label", { class: "field" }, h("span", {}, label), input, hint && h("small", {}, hint));
}

// Asks in a dialog. `send(values)` may reject: what it says is shown and the dialog stays. `firm`: there is no way out but `action`.
export function ask(title, body, { action = "OK", danger = false, firm = false, send }) {
  const failed = h("p", { class: "failed", role: "alert", hidden: true });
  const go = h("button", { type: "submit", class: danger ? "danger" : "primary" }, action);
  const form = h("form", {}, h("h2", { id: "asked" }, title), body, failed,
    h("div", { class: "row end" }, !firm && button("Cancel", () => dialog.close()), go));
  const dialog = h("dialog", { "aria-labelledby": "asked" }, form);
  // A browser lets a page refuse one Escape, not the next; of the key itself it can refuse all.
  dialog.addEventListener("keydown", (event) => { if (firm && event.key === "Escape") event.preventDefault(); });
  dialog.addEventListener("cancel", (event) => { if (firm) event.preventDefault(); });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    try {
      await send(Object.fromEntries(new FormData(form)));
      dialog.close();
    } catch (failure) {
      failed.hidden = false;
      say(failed, failure.message);
    }
    go.disabled = false;
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

// Says it for a while, with something to do about it if `act` is given.
export function tell(text, { act, label = "Undo", failed = false } = {}) {
  const message = h("div", { class: failed ? "message failed" : "message" }, h("p", {}, text),
    act && button(label, () => { message.remove(); act(); }),
    button("×", () => message.remove(), { class: "quiet", "aria-label": "Dismiss" }));
  const all = document.getElementById("messages");
  all.append(message);
  while (all.children.length > 4) all.firstChild.remove();
  setTimeout(() => message.remove(), act || failed ? 20_000 : 6_000);
}
