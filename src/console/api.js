// The admin API. Everything goes through call(): the token, the version that a change was made
// against, and what went wrong in words.

const ROOT = new URL("../admin/v1/", document.baseURI);
const KEPT = "sluice.token";
// Without a touch for so long, the token is forgotten.
export const SESSION_MS = 60 * 60 * 1000;

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status; // 0: no answer came
  }
}

export const session = {
  token: () => sessionStorage.getItem(KEPT) ?? "",
  begin: (token) => sessionStorage.setItem(KEPT, token),
  end: () => sessionStorage.removeItem(KEPT),
};

function words(status, body) {
  const error = body?.error;
  if (!error) return `the gateway answered ${status}`;
  const more = error.complaints?.length ? `: ${error.complaints.join("; ")}` : "";
  return error.message + more;
}

// Rejects with Refused. `version`: the one the change was made against; another one there refuses.
// `operation`: of one name, the change is made once, however often it is called for.
export async function call(method, path, { body, version, operation } = {}) {
  const headers = {};
  if (session.token()) headers.authorization = `Bearer ${session.token()}`;
  if (version !== undefined) headers["if-match"] = `"${version}"`;
  if (operation !== undefined) headers["idempotency-key"] = operation;
  if (body !== undefined) headers["content-type"] = "application/json";
  let answer;
  let read;
  try {
    answer = await fetch(new URL(path, ROOT), {
      method, headers, cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer",
      body: body === undefined ? undefined : JSON.stringify(body), signal: AbortSignal.timeout(10_000),
    });
    read = await answer.text();
  } catch {
    throw new Refused(0, "the gateway does not answer");
  }
  let parsed = null;
  try {
    parsed = JSON.parse(read);
  } catch {
    if (answer.ok) throw new Refused(answer.status, "the answer is not from the gateway");
  }
  if (answer.status === 412) throw new Refused(412, "something else was changed meanwhile: look at what is there now, then try again");
  if (!answer.ok) throw new Refused(answer.status, words(answer.status, parsed));
  return parsed;
}

export const model = (name, what = "") => `models/${encodeURIComponent(name)}${what}`;
export const key = (id, what = "") => `keys/${encodeURIComponent(id)}${what}`;
