// Fakes of what the browser and the daemon give to the extension's modules: memory instead of disks, a log instead of
// effects. Older runners of these tests have no global Web Crypto.
import { webcrypto } from "node:crypto";

globalThis.crypto ??= webcrypto;

export function area(kept = {}) {
  return {
    kept,
    async get(wanted) {
      if (wanted === null) return structuredClone(kept);
      if (typeof wanted === "string") return wanted in kept ? { [wanted]: structuredClone(kept[wanted]) } : {};
      return structuredClone({
        ...wanted,
        ...Object.fromEntries(Object.entries(kept).filter(([name]) => name in wanted)),
      });
    },
    async set(values) {
      Object.assign(kept, structuredClone(values));
    },
    async remove(name) {
      delete kept[name];
    },
  };
}

export function fakeChrome() {
  const log = [];
  const note =
    (name) =>
    async (...words) => {
      log.push([name, ...words]);
    };
  return {
    log,
    storage: { local: area(), session: area() },
    alarms: { create: note("alarm"), clear: note("no alarm") },
    i18n: { getMessage: (key, words = []) => [key, ...words].join(" ").trim() },
    action: { setBadgeText: note("badge"), setBadgeBackgroundColor: note("colour") },
    permissions: { contains: async () => false, request: note("asked") },
    runtime: { getURL: (path) => `chrome-extension://abcdef/${path}`, lastError: null },
    declarativeNetRequest: { updateSessionRules: note("rules") },
  };
}

export function fakeKeychain(pairing = null) {
  return {
    pairing,
    async load() {
      return this.pairing;
    },
    async save(kept) {
      this.pairing = kept;
    },
    async forget() {
      this.pairing = null;
    },
  };
}

/** A `fetch` that answers from `routes`: 'METHOD /path' → (request) → { status, json, headers }; the rest is 404. */
export function fakeFetch(routes) {
  const asked = [];
  const fetch = async (url, { method = "GET", headers = {}, body } = {}) => {
    const { pathname, search, port } = new URL(url);
    const request = {
      method,
      path: pathname,
      search,
      port,
      headers,
      body: typeof body === "string" ? JSON.parse(body) : body,
    };
    asked.push(request);
    const answer = routes[`${method} ${pathname}`] ?? routes[`${method} ${pathname.replace(/[^/]+$/, "*")}`];
    if (!answer) return new Response('{"code":"unknown-route"}', { status: 404 });
    const { status = 200, json = {}, headers: sent = {} } = await answer(request);
    return new Response(status === 304 ? null : JSON.stringify(json), { status, headers: sent });
  };
  return { fetch, asked };
}

export const offline = async () => {
  throw new TypeError("Failed to fetch");
};
