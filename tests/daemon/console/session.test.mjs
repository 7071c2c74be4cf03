// A code from the address becomes the session of a tab, and leaves the address at once; further tabs sign for theirs.
import assert from "node:assert/strict";
import test from "node:test";

import { fromText, PageKey, toText } from "../../../daemon/mien_daemon/console/page-key.js";
import { nameOf, Session } from "../../../daemon/mien_daemon/console/session.js";

/** A key that is offered as "public" and signs by saying what it signs. */
function fakeKey(known = null) {
  return {
    offer: async () => "public",
    accept: async (given) => void (known = given),
    id: async () => known,
    forget: async () => void (known = null),
    sign: async (port, nonce) => `${known} on ${port}: ${nonce}`,
  };
}

function tabAt(hash, { answer, kept = {}, key: own = fakeKey() } = {}) {
  const asked = [];
  const storage = {
    getItem: (key) => kept[key] ?? null,
    setItem: (key, value) => (kept[key] = value),
    removeItem: (key) => delete kept[key],
  };
  const shown = [];
  const channel = { sent: [], postMessage: (session) => channel.sent.push(session) };
  const fetch = async (path, init) => {
    asked.push([path, init.body && JSON.parse(init.body), shown.length]);
    const answered = typeof answer === "function" ? answer(path) : answer;
    return answered ? new Response(JSON.stringify(answered)) : new Response("{}", { status: 403 });
  };
  const history = { replaceState: (_state, _title, url) => shown.push(url) };
  const location = { hash, pathname: "/console/", port: "6436" };
  const session = new Session(fetch, { location, history, storage, channel, key: own, name: "Firefox on Linux" });
  return { session, asked, shown, channel, key: own };
}

const GIVEN = { token: "t", scopes: ["swap", "admin"] };

test("a code is traded for a session after it has left the address", async () => {
  const { session, asked, shown } = tabAt("#code=abc", { answer: GIVEN });
  assert.equal(await session.open(), true);
  const key = { public_key: "public", name: "Firefox on Linux" };
  assert.deepEqual(asked, [["/v1/session", { code: "abc", key }, 1]]);
  assert.deepEqual(shown, ["/console/"]);
  assert.equal(session.token, "t");
});

test("a page hopes for a session where it has a code, a token or a key, and for none without", async () => {
  assert.equal(await tabAt("#code=abc").session.isHopedFor(), true);
  assert.equal(await tabAt("", { kept: { "mien.session": JSON.stringify(GIVEN) } }).session.isHopedFor(), true);
  assert.equal(await tabAt("", { key: fakeKey("k") }).session.isHopedFor(), true);
  assert.equal(await tabAt("#/models").session.isHopedFor(), false);
});

test("the view that was asked for stays in the address", async () => {
  const { session, shown } = tabAt("#code=abc&view=models", { answer: GIVEN });
  await session.open();
  assert.deepEqual(shown, ["/console/#/models"]);
  const result = tabAt("#code=abc&view=results&item=a1", { answer: GIVEN });
  await result.session.open();
  assert.deepEqual(result.shown, ["/console/#/results/a1"]);
});

test("a code that is refused makes no session", async () => {
  const { session } = tabAt("#code=old");
  assert.equal(await session.open(), false);
});

test("a session lives as long as its tab", async () => {
  const kept = { "mien.session": JSON.stringify(GIVEN) };
  const { session, asked } = tabAt("#/jobs", { kept });
  assert.equal(await session.open(), true);
  assert.deepEqual(asked, []);
});

test("it allows what its scopes say", async () => {
  const { session } = tabAt("#code=abc", { answer: GIVEN });
  assert.equal(session.may("admin"), false);
  await session.open();
  assert.deepEqual([session.may("admin"), session.may("local")], [true, false]);
});

test("a fresh session is told to the other tabs, and one whose own is over takes it", async () => {
  const fresh = tabAt("#code=abc", { answer: GIVEN });
  await fresh.session.open();
  assert.deepEqual(fresh.channel.sent, [GIVEN]);
  const other = tabAt("#/jobs");
  let renewed = 0;
  other.session.addEventListener("renewed", () => (renewed += 1));
  other.channel.onmessage({ data: GIVEN });
  other.channel.onmessage({ data: { ...GIVEN, token: "later" } });
  assert.deepEqual([other.session.token, renewed], ["t", 1]);
});

test("a session ends once", async () => {
  const { session } = tabAt("#code=abc", { answer: GIVEN });
  await session.open();
  let ended = 0;
  session.addEventListener("ended", () => (ended += 1));
  session.end();
  session.end();
  assert.deepEqual([session.token, ended], [undefined, 1]);
});

const signs = (path) => (path === "/v1/session/challenge" ? { nonce: "n" } : { ...GIVEN, key: "k" });

test("a second tab signs for a session of its own, with no code", async () => {
  const { session, asked } = tabAt("#/jobs", { answer: signs, key: fakeKey("k") });
  assert.equal(await session.open(), true);
  assert.deepEqual(
    asked.map(([path, body]) => [path, body]),
    [
      ["/v1/session/challenge", undefined],
      ["/v1/session/renew", { key: "k", nonce: "n", signature: "k on 6436: n" }],
    ],
  );
});

test("requests that fail together are helped by one signature, and a late one by what is there", async () => {
  const kept = { "mien.session": JSON.stringify({ ...GIVEN, token: "old" }) };
  const { session, asked } = tabAt("#/jobs", { answer: signs, key: fakeKey("k"), kept });
  assert.deepEqual(await Promise.all([session.renew("old"), session.renew("old")]), [true, true]);
  assert.equal(await session.renew("old"), true);
  assert.deepEqual([asked.length, session.token], [2, "t"]);
});

test("a key that was signed out is forgotten, and one that cannot be asked about is kept", async () => {
  const refused = (path) => (path === "/v1/session/challenge" ? { nonce: "n" } : { code: "unpaired" });
  const out = tabAt("#/jobs", { answer: refused, key: fakeKey("k") });
  assert.deepEqual([await out.session.open(), await out.key.id()], [false, null]);
  const silent = tabAt("#/jobs", { key: fakeKey("k") });
  assert.deepEqual([await silent.session.open(), await silent.key.id()], [false, "k"]);
});

test("a code is traded where no key can be kept", async () => {
  const nowhere = new PageKey({ crypto: globalThis.crypto, indexedDB: undefined });
  const { session, asked } = tabAt("#code=abc", { answer: GIVEN, key: nowhere });
  assert.equal(await session.open(), true);
  assert.deepEqual(asked[0][1], { code: "abc" });
});

/** One store in memory, which keeps what it is given as it is. */
function fakeIndexedDB() {
  const kept = new Map();
  const done = (result) => {
    const request = { result, onsuccess: () => {} };
    queueMicrotask(() => request.onsuccess());
    return request;
  };
  const store = {
    get: (name) => done(kept.get(name)),
    put: (value, name) => done(kept.set(name, value)),
    clear: () => done(kept.clear()),
  };
  return { open: () => done({ transaction: () => ({ objectStore: () => store }), close: () => {} }) };
}

test("the key signs its own id, the page's port and the nonce, and cannot be read", async () => {
  const { subtle } = globalThis.crypto;
  const key = new PageKey({ crypto: globalThis.crypto, indexedDB: fakeIndexedDB() });
  const point = await key.offer();
  assert.equal(await key.offer(), point, "the next code goes with the same key");
  await key.accept("id");
  const { pair } = await key.load();
  await assert.rejects(subtle.exportKey("pkcs8", pair.privateKey));
  const signature = fromText(await key.sign("6436", toText(new Uint8Array([1, 2]))));
  const field = (bytes) => [0, 0, 0, bytes.length, ...bytes];
  const words = ["mien-console-session-v1", "id", "6436"].flatMap((text) => field(Buffer.from(text)));
  const signed = Uint8Array.from([...words, ...field([1, 2])]);
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const known = await subtle.importKey("raw", fromText(point), algorithm, true, ["verify"]);
  assert.equal(await subtle.verify(algorithm, known, signature, signed), true);
  await key.forget();
  assert.equal(await key.id(), null);
});

test("a browser is called by its name and its system", () => {
  assert.equal(nameOf({ userAgent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/153.0" }), "Firefox on Linux");
  const userAgentData = { brands: [{ brand: "Not A Brand" }, { brand: "Chromium" }] };
  assert.equal(nameOf({ userAgent: "Mozilla/5.0 (Macintosh; Intel Mac OS X)", userAgentData }), "Chromium on macOS");
});
