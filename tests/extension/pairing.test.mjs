// Pairing promises: the key is kept only when the daemon's side approved, this side's person agreed, and both hold the
// same key. A session promises: an impostor on the port hears a client id and a nonce, and nothing else.
import assert from "node:assert/strict";
import { test } from "node:test";

import { fakeKeychain } from "./fakes.mjs";
import { fakeDaemon } from "./daemon-side.mjs";

const { DaemonClient } = await import("../../extension/src/daemon-client.js");
const { pair } = await import("../../extension/src/pairing.js");
const { openSession } = await import("../../extension/src/session.js");

const NAME = "Chromium on Linux";

async function attempt(daemon, { same = true, keychain = fakeKeychain(), port = daemon.port } = {}) {
  const shown = [];
  const client = new DaemonClient({ fetch: daemon.fetch, port });
  const compare = async (digits) => {
    shown.push(digits);
    return same;
  };
  const outcome = await pair({ daemon: client, keychain, name: NAME, compare, now: () => 7 }).catch((error) => error);
  return { outcome, shown, keychain, client };
}

const steps = ({ asked }) => asked.map(({ path, body }) => body?.step ?? path);

test("both sides show the same digits, and the key is kept once both have agreed", async () => {
  const daemon = await fakeDaemon({ states: ["shown", "approved"] });
  const { outcome, shown, keychain } = await attempt(daemon);
  assert.deepEqual(shown, [daemon.heard.digits]);
  assert.equal(outcome.clientId, "client-1");
  assert.equal(keychain.pairing.pairedAt, 7);
  assert.equal(keychain.pairing.key.extractable, false);
});

test("the client commits before it has seen the daemon’s key, and reveals afterwards", async () => {
  const daemon = await fakeDaemon();
  await attempt(daemon);
  assert.deepEqual(steps(daemon), ["/v1/hello", "/v1/pair/ask", "/v1/pair", "reveal", "wait"]);
  const [, , begin] = daemon.asked;
  assert.deepEqual(Object.keys(begin.body).sort(), ["commitment", "name"]);
});

test("digits that differ pair nothing, even if the other side has approved", async () => {
  const daemon = await fakeDaemon();
  const { outcome, keychain } = await attempt(daemon, { same: false });
  assert.equal(outcome.code, "digits-differ");
  assert.equal(keychain.pairing, null);
  assert.equal(steps(daemon).at(-1), "cancel");
});

test("a refusal on the daemon’s side pairs nothing", async () => {
  const { outcome, keychain } = await attempt(await fakeDaemon({ states: ["refused"] }));
  assert.equal(outcome.code, "pairing-refused");
  assert.equal(keychain.pairing, null);
});

test("a daemon that cannot confirm the key is not kept", async () => {
  const { outcome, keychain } = await attempt(await fakeDaemon({ confirms: false }));
  assert.equal(outcome.code, "not-the-daemon");
  assert.equal(keychain.pairing, null);
});

test("a relay on another port shows other digits", async () => {
  const daemon = await fakeDaemon({ port: 6437 });
  const { shown } = await attempt(daemon, { port: 6436 });
  assert.notEqual(shown[0], daemon.heard.digits);
});

test("a session opens when the daemon proves itself, and the bearer is renewed before it lapses", async () => {
  const daemon = await fakeDaemon();
  const { outcome, client } = await attempt(daemon);
  const session = await openSession(client, outcome, () => 0);
  assert.equal(session.token, "a-bearer");
  assert.ok(session.until > 800_000 && session.until < 900_000);
});

test("a squatter on the port gets a client id and a nonce, and then silence", async () => {
  const daemon = await fakeDaemon();
  const { outcome } = await attempt(daemon);
  const squatter = await fakeDaemon({ knowsKey: false });
  const client = new DaemonClient({ fetch: squatter.fetch, port: squatter.port });
  await assert.rejects(openSession(client, outcome), { code: "not-the-daemon" });
  assert.equal(squatter.asked.length, 1);
  assert.deepEqual(Object.keys(squatter.asked[0].body).sort(), ["client", "nonce"]);
  assert.equal(squatter.asked[0].headers.Authorization, undefined);
});

test("a squatter that relays to the real daemon on another port gets nothing either", async () => {
  const daemon = await fakeDaemon();
  const { outcome } = await attempt(daemon);
  const relay = new DaemonClient({ fetch: daemon.fetch, port: daemon.port + 1 });
  await assert.rejects(openSession(relay, outcome), { code: "not-the-daemon" });
  assert.ok(!daemon.asked.some(({ path }) => path === "/v1/pair/sessions/s1"));
});

for (const nonsense of [
  { id: "s", nonce: "!!", proof: "!!" },
  { id: "s", nonce: "AA", proof: "AA" },
]) {
  test(`nonsense from the port is no proof: ${JSON.stringify(nonsense)}`, async () => {
    const daemon = await fakeDaemon();
    const { outcome } = await attempt(daemon);
    daemon.routes["POST /v1/pair/sessions"] = async () => ({ status: 201, json: nonsense });
    const client = new DaemonClient({ fetch: daemon.fetch, port: daemon.port });
    await assert.rejects(openSession(client, outcome), { code: "not-the-daemon" });
  });
}
