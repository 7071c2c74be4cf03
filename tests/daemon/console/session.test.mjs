// A code from the address becomes the session of a tab, and leaves the address at once.
import assert from "node:assert/strict";
import test from "node:test";

import { Session } from "../../../daemon/mien_daemon/console/session.js";

function tabAt(hash, { answer, kept = {} } = {}) {
  const asked = [];
  const storage = {
    getItem: (key) => kept[key] ?? null,
    setItem: (key, value) => (kept[key] = value),
    removeItem: (key) => delete kept[key],
  };
  const shown = [];
  const channel = { sent: [], postMessage: (session) => channel.sent.push(session) };
  const fetch = async (path, init) => {
    asked.push([path, JSON.parse(init.body), shown.length]);
    return answer ? new Response(JSON.stringify(answer)) : new Response("{}", { status: 403 });
  };
  const history = { replaceState: (_state, _title, url) => shown.push(url) };
  const location = { hash, pathname: "/console/" };
  return { session: new Session(fetch, { location, history, storage, channel }), asked, shown, channel };
}

const GIVEN = { token: "t", scopes: ["swap", "admin"] };

test("a code is traded for a session after it has left the address", async () => {
  const { session, asked, shown } = tabAt("#code=abc", { answer: GIVEN });
  assert.equal(await session.open(), true);
  assert.deepEqual(asked, [["/v1/session", { code: "abc" }, 1]]);
  assert.deepEqual(shown, ["/console/"]);
  assert.equal(session.token, "t");
});

test("the view that was asked for stays in the address", async () => {
  const { session, shown } = tabAt("#code=abc&view=models", { answer: GIVEN });
  await session.open();
  assert.deepEqual(shown, ["/console/#/models"]);
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
