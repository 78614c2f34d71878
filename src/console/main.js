// Which page is shown, to whom, and how fresh it is.

import { call, session, SESSION_MS } from "./api.js";
import { button, field, h, say } from "./dom.js";
import { auditPage } from "./audit.js";
import { budgetsPage } from "./budgets.js";
import { configPage } from "./config.js";
import { keysPage } from "./keys.js";
import { modelsPage } from "./models.js";

// Each: {root, every (ms), load() -> data, show(data)}.
const PAGES = { models: modelsPage, keys: keysPage, budgets: budgetsPage, audit: auditPage, config: configPage };
const MAIN = document.getElementById("page");
const CONNECTION = document.getElementById("connection");

let shown = null; // the page at hand
let timer = 0;
let heard = 0; // when an answer last came
let touched = Date.now();

const named = () => {
  const name = location.hash.slice(1).split("/")[0];
  return Object.hasOwn(PAGES, name) ? name : "models";
};

// `lost`: why what is shown is not what is; none: it is.
function connected(lost) {
  document.body.classList.toggle("stale", lost !== undefined);
  CONNECTION.className = lost === undefined ? "up" : "down";
  const since = Math.round((Date.now() - heard) / 1000);
  say(CONNECTION, lost === undefined ? "live" : `${lost}${heard ? `, as of ${since} s ago` : ""}; trying again`);
}

function signIn(why = "") {
  clearTimeout(timer);
  shown = null;
  // A secret in a dialog, an undo in a message: what the session had on the screen ends with it.
  for (const open of document.querySelectorAll("dialog")) open.close();
  document.getElementById("messages").replaceChildren();
  document.body.classList.remove("stale");
  for (const id of ["pages", "sign-out"]) document.getElementById(id).hidden = true;
  CONNECTION.className = "";
  say(CONNECTION, "");
  const token = h("input", { type: "password", name: "token", required: true, autocomplete: "current-password" });
  const said = h("p", { class: "failed", role: "alert" }, why);
  const form = h("form", { class: "card sign-in" }, h("h2", {}, "Sign in"),
    field("Admin token", token, "admin.token of the configuration file"), said,
    h("button", { type: "submit", class: "primary" }, "Sign in"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    session.begin(token.value);
    try {
      await call("GET", "audit?limit=1");
      begin();
    } catch (failure) {
      session.end();
      say(said, failure.status === 401 ? "this is not the admin token" : failure.message);
      token.select();
    }
  });
  MAIN.replaceChildren(form);
  token.focus();
}

async function refresh() {
  clearTimeout(timer);
  const page = shown;
  if (!page) return;
  if (document.hidden) return; // begun again when it is looked at
  if (session.token() && Date.now() - touched > SESSION_MS) {
    session.end();
    signIn("nobody was here for an hour: please sign in again");
    return;
  }
  try {
    const data = await page.load();
    if (page !== shown) return;
    heard = Date.now();
    connected();
    page.show(data);
  } catch (failure) {
    if (page !== shown) return;
    if (failure.status === 401) {
      session.end();
      signIn("the session has ended: the gateway no longer takes this token");
      return;
    }
    connected(failure.status === 0 ? "connection lost" : failure.message);
  }
  timer = setTimeout(refresh, page.every);
}

function show() {
  const name = named();
  for (const link of document.querySelectorAll("#pages a"))
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  shown = PAGES[name]({ refresh });
  MAIN.replaceChildren(shown.root);
  document.title = `${name} · Sluice`;
  refresh();
}

function begin() {
  const pages = document.getElementById("pages");
  pages.replaceChildren(...Object.keys(PAGES).map((name) => h("a", { href: `#${name}` }, name)));
  pages.hidden = false;
  document.getElementById("sign-out").hidden = !session.token();
  touched = Date.now();
  show();
}

document.getElementById("sign-out").addEventListener("click", () => {
  session.end();
  signIn();
});
window.addEventListener("hashchange", () => shown && show());
document.addEventListener("visibilitychange", () => shown && !document.hidden && refresh());
for (const kind of ["pointerdown", "keydown"]) window.addEventListener(kind, () => { touched = Date.now(); });

// Without a token in the configuration, the address is the gateway's own machine and nobody is asked.
try {
  await call("GET", "audit?limit=1");
  begin();
} catch (failure) {
  if (failure.status === 401) {
    session.end();
    signIn();
  } else {
    MAIN.replaceChildren(h("section", { class: "card" }, h("h2", {}, "The gateway does not answer"),
      h("p", {}, failure.message), button("Try again", () => location.reload(), { class: "primary" })));
  }
}
