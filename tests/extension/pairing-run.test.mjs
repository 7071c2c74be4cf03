// A pairing lives in the background: how it stands is kept where popup and options see it, whichever is open.
import assert from "node:assert/strict";
import { test } from "node:test";

import { fakeChrome, fakeKeychain } from "./fakes.mjs";
import { fakeDaemon } from "./daemon-side.mjs";

const { DaemonClient } = await import("../../extension/src/daemon-client.js");
const { PairingRun } = await import("../../extension/src/pairing-run.js");

/** A run, and every state that it has gone through; `hear` is what the person does at each. */
async function run(daemon, hear = () => {}) {
  const chrome = fakeChrome();
  const keychain = fakeKeychain();
  const states = [];
  let paired = 0;
  const client = new DaemonClient({ fetch: daemon.fetch, port: daemon.port });
  const connection = { stranger: async () => client, proved: async () => client };
  const pairing = new PairingRun({ chrome, connection, keychain, name: "x", onPaired: async () => (paired += 1) });
  const { set } = chrome.storage.session;
  chrome.storage.session.set = async (values) => {
    await set(values);
    states.push(values.pairing);
    hear(values.pairing, pairing);
  };
  return { chrome, keychain, states, pairing, paired: () => paired };
}

const agree = ({ state }, pairing) => state === "comparing" && queueMicrotask(() => pairing.compared(true));

test("it asks, shows the digits, waits for the other side, and leaves nothing but the key", async () => {
  const daemon = await fakeDaemon({ watched: false });
  const { pairing, states, keychain, chrome, paired } = await run(daemon, agree);
  await Promise.all([pairing.start(), pairing.start()]);
  const { digits } = daemon.heard;
  assert.deepEqual(states, [
    { state: "asking" },
    { state: "comparing", digits, watched: false },
    { state: "approving", digits, watched: false },
  ]);
  assert.deepEqual([keychain.pairing.clientId, chrome.storage.session.kept, paired()], ["client-1", {}, 1]);
});

test("what went wrong is kept for whoever looks next", async () => {
  const { pairing, chrome } = await run(await fakeDaemon({ states: ["refused"] }), agree);
  await pairing.start();
  assert.deepEqual(chrome.storage.session.kept.pairing, {
    state: "failed",
    problem: { code: "pairing-refused", fields: {} },
  });
});

test("a person who stops it is told nothing, and the daemon that it is over", async () => {
  const daemon = await fakeDaemon();
  const stop = ({ state }, pairing) => state === "comparing" && queueMicrotask(() => pairing.stop());
  const { pairing, chrome, keychain } = await run(daemon, stop);
  await pairing.start();
  assert.deepEqual([chrome.storage.session.kept, keychain.pairing], [{}, null]);
  assert.equal(daemon.asked.at(-1).body.step, "cancel");
});

test("a background that was cut off in the middle says so when it begins anew", async () => {
  const { pairing, chrome } = await run(await fakeDaemon());
  chrome.storage.session.kept.pairing = { state: "comparing", digits: "123456" };
  await pairing.recover();
  assert.equal(chrome.storage.session.kept.pairing.problem.code, "interrupted");
  await pairing.recover();
  assert.equal(chrome.storage.session.kept.pairing.state, "failed");
});
