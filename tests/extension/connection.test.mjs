// The connection promises: a session is opened when one is needed, renewed once when it has lapsed, and a picture only
// goes to a daemon that has just proved itself.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { fakeChrome, fakeFetch, fakeKeychain, offline } from "./fakes.mjs";
import { fakeDaemon } from "./daemon-side.mjs";

const { Connection } = await import("../../extension/src/connection.js");
const { DaemonClient } = await import("../../extension/src/daemon-client.js");
const { pair } = await import("../../extension/src/pairing.js");
const { Settings } = await import("../../extension/src/settings.js");

async function connected() {
  const daemon = await fakeDaemon();
  const keychain = fakeKeychain();
  const chrome = fakeChrome();
  const client = new DaemonClient({ fetch: daemon.fetch, port: daemon.port });
  await pair({ daemon: client, keychain, name: "x", compare: async () => true });
  daemon.routes["GET /v1/health"] = async () => ({ json: { version: "1" } });
  daemon.asked.length = 0;
  const clock = { now: 0 };
  const make = (fetch) =>
    new Connection({ chrome, fetch, settings: new Settings(chrome), keychain, now: () => clock.now });
  return { daemon, keychain, chrome, clock, make, connection: make(daemon.fetch) };
}

const paths = ({ asked }) => asked.map(({ path }) => path);
const HANDSHAKE = ["/v1/pair/sessions", "/v1/pair/sessions/s1"];

test("one session serves many questions", async () => {
  const { daemon, connection } = await connected();
  for (let turn = 0; turn < 3; turn += 1) await connection.call((client) => client.health());
  assert.deepEqual(paths(daemon), [...HANDSHAKE, "/v1/health", "/v1/health", "/v1/health"]);
  assert.equal(daemon.asked.at(-1).headers.Authorization, "Bearer a-bearer");
});

test("the session outlives the background, in memory that only the extension reads", async () => {
  const { daemon, connection, make } = await connected();
  await connection.call((client) => client.health());
  await make(daemon.fetch).call((client) => client.health());
  assert.deepEqual(paths(daemon), [...HANDSHAKE, "/v1/health", "/v1/health"]);
});

test("a lapsed session is opened anew without asking in vain", async () => {
  const { daemon, connection, clock } = await connected();
  await connection.call((client) => client.health());
  clock.now = 15 * 60 * 1000;
  await connection.call((client) => client.health());
  assert.deepEqual(paths(daemon), [...HANDSHAKE, "/v1/health", ...HANDSHAKE, "/v1/health"]);
});

test("a daemon that was restarted has forgotten the session; it is opened anew, once", async () => {
  const { daemon, connection } = await connected();
  await connection.call((client) => client.health());
  let refusals = 1;
  const healthy = daemon.routes["GET /v1/health"];
  daemon.routes["GET /v1/health"] = (request) =>
    refusals-- > 0 ? { status: 401, json: { code: "unpaired" } } : healthy(request);
  assert.deepEqual(await connection.call((client) => client.health()), { version: "1" });
  refusals = 9;
  await assert.rejects(
    connection.call((client) => client.health()),
    { code: "unpaired" },
  );
  assert.equal(refusals, 7);
});

test("every picture is preceded by a fresh proof", async () => {
  const { daemon, connection } = await connected();
  await connection.proved();
  await connection.proved();
  assert.deepEqual(paths(daemon), [...HANDSHAKE, "/v1/pair/sessions"]);
});

test("a picture is sent with the session that is open, or with another where the daemon has forgotten it", async () => {
  const { daemon, connection } = await connected();
  daemon.routes["POST /v1/jobs"] = ({ headers }) => ({ json: { id: headers.Authorization } });
  assert.equal((await (await connection.proved()).postJob({}, "k")).id, "Bearer a-bearer");
  const known = await connection.proved();
  const [take, refusals] = [daemon.routes["POST /v1/jobs"], [1]];
  daemon.routes["POST /v1/jobs"] = (asked) =>
    refusals.pop() ? { status: 401, json: { code: "unpaired" } } : take(asked);
  daemon.asked.length = 0;
  assert.equal((await known.postJob({}, "k")).id, "Bearer a-bearer");
  assert.deepEqual(paths(daemon), ["/v1/jobs", ...HANDSHAKE, "/v1/jobs"]);
});

test("a picture and its job that are refused at once are sent again with one new session", async () => {
  const { daemon, connection } = await connected();
  await connection.call((client) => client.health());
  const known = await connection.proved();
  const refusals = [1, 1];
  const refuse = () => (refusals.pop() ? { status: 401, json: { code: "unpaired" } } : { json: { id: "d1" } });
  const bytes = new TextEncoder().encode("a picture");
  const name = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  daemon.routes["POST /v1/jobs"] = refuse;
  daemon.routes[`PUT /v1/blobs/${name}`] = refuse;
  daemon.asked.length = 0;
  const { sent } = await known.beginBlob(bytes);
  assert.equal((await known.postJob({}, "k")).id, "d1");
  await sent;
  assert.deepEqual(refusals, []);
  assert.deepEqual(
    paths(daemon).filter((path) => HANDSHAKE.includes(path)),
    HANDSHAKE,
  );
});

test("no picture goes with the session of an earlier pairing", async () => {
  const { daemon, connection, chrome } = await connected();
  await connection.proved();
  chrome.storage.session.kept.session.clientId = "client-0";
  daemon.asked.length = 0;
  await connection.proved();
  assert.deepEqual(paths(daemon), HANDSHAKE);
});

test("an impostor gets no picture and no session, though one is open", async () => {
  const { connection, make } = await connected();
  await connection.proved();
  const stranger = fakeFetch({ "POST /v1/pair/sessions": async () => ({ json: { id: "s", nonce: "", proof: "" } }) });
  await assert.rejects(make(stranger.fetch).proved(), { code: "not-the-daemon" });
  assert.ok(!stranger.asked.some(({ headers }) => headers.Authorization));
});

test("a session is not used on another port than it was proved on", async () => {
  const { daemon, connection, chrome } = await connected();
  await connection.call((client) => client.health());
  await new Settings(chrome).change({ port: 7000 });
  await assert.rejects(
    connection.call((client) => client.health()),
    { code: "not-the-daemon" },
  );
  assert.ok(!daemon.asked.some(({ port, headers }) => port === "7000" && headers.Authorization));
});

test("the state says what a person has to do", async () => {
  const { connection, make, keychain } = await connected();
  assert.equal((await connection.state()).state, "paired");
  assert.equal((await make(offline).state()).state, "unreachable");
  const stranger = fakeFetch({ "POST /v1/pair/sessions": async () => ({ json: { id: "s", nonce: "", proof: "" } }) });
  const { chrome } = await connected();
  const impostor = new Connection({ chrome, fetch: stranger.fetch, settings: new Settings(chrome), keychain });
  assert.equal((await impostor.state()).state, "impostor");
  await connection.forget();
  assert.equal((await connection.state()).state, "unpaired");
});

test("without a pairing nothing is sent but the question whether a daemon is there", async () => {
  const { daemon, connection } = await connected();
  await connection.forget();
  daemon.asked.length = 0;
  await assert.rejects(connection.proved(), { code: "unpaired" });
  assert.deepEqual(daemon.asked, []);
});

test("unpairing forgets the key here and takes the pairing back over there", async () => {
  const { daemon, keychain, connection } = await connected();
  daemon.routes["DELETE /v1/clients/client-1"] = async () => ({});
  await connection.forget();
  assert.equal(keychain.pairing, null);
  assert.deepEqual(daemon.asked.at(-1).method, "DELETE");
  assert.equal(daemon.asked.at(-1).headers.Authorization, "Bearer a-bearer");
});

test("unpairing works without a daemon", async () => {
  const { keychain, make } = await connected();
  await make(offline).forget();
  assert.equal(keychain.pairing, null);
});

test("the console is opened signed in, at the address that this browser knows itself", async () => {
  const { daemon, connection } = await connected();
  assert.equal(await connection.consoleUrl("faces"), "http://127.0.0.1:6436/#code=once&view=faces");
  assert.deepEqual(paths(daemon), ["/v1/pair/sessions", "/v1/pair/sessions/s1/console"]);
  assert.ok(!daemon.asked.some(({ headers }) => headers.Authorization));
});

test("without the right to open it, and without a daemon, the console itself says what to do", async () => {
  const { daemon, connection, make } = await connected();
  daemon.routes["POST /v1/pair/sessions/s1/console"] = async () => ({ status: 403, json: { code: "wrong-scope" } });
  assert.equal(await connection.consoleUrl("models"), "http://127.0.0.1:6436/#/models");
  assert.equal(await make(offline).consoleUrl(), "http://127.0.0.1:6436/");
});

test("the page of a program that took the daemon's port is not opened", async () => {
  const { make } = await connected();
  const stranger = fakeFetch({ "POST /v1/pair/sessions": async () => ({ json: { id: "s", nonce: "", proof: "" } }) });
  await assert.rejects(make(stranger.fetch).consoleUrl(), { code: "not-the-daemon" });
});
