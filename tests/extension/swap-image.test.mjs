// A swap waits for the person's answer, stays stopped once it was stopped, and can be tried again once it failed.
import assert from "node:assert/strict";
import { test } from "node:test";

import { fakeChrome } from "./fakes.mjs";

const { Jobs } = await import("../../extension/src/jobs.js");
const { Problem } = await import("../../extension/src/problem.js");
const { Settings } = await import("../../extension/src/settings.js");
const { Swaps } = await import("../../extension/src/swap-image.js");
const { PendingRequests } = await import("../../extension/src/pending-requests.js");

const FACE = { id: "r", name: "Anna" };
const PICTURE = "https://cdn.test/face.png";
const REQUEST = {
  tabId: 1,
  frameId: 0,
  windowId: 1,
  tabUrl: "https://page.test/",
  hint: { srcUrl: PICTURE },
  referenceId: FACE.id,
};

/** The extension with a page that has the picture and a daemon that finishes each job at its first look. */
function extension({ url = PICTURE, proved } = {}) {
  const chrome = fakeChrome();
  chrome.storage.local.kept.recentReferences = [FACE];
  const [shown, fetched, proofs] = [[], [], []];
  const answers = {
    find: () => ({ found: true, pictureId: "p", source: { kind: "url", url }, box: {}, pageUrl: REQUEST.tabUrl }),
    progress: ({ progress }) => shown.push(progress.words),
    fail: ({ problem }) => shown.push(problem.words),
    deliver: () => ({ shown: true }),
  };
  chrome.scripting = { executeScript: async () => {} };
  chrome.tabs = { sendMessage: async (_, message) => answers[message.do]?.(message) ?? {} };
  const daemon = {
    posted: [],
    cancelled: [],
    beginBlob: async () => ({ name: "sha256:0", sent: new Promise(() => {}) }), // no job waits for it here
    postJob: async (job) => ({ id: `d${daemon.posted.push(job)}`, state: "queued" }),
    job: async () => ({ job: { state: "done", result: { size: [320, 240] } }, tag: "done" }),
    references: async () => [],
    cancelJob: async (id) => daemon.cancelled.push(id),
    result: async () => new Blob([new Uint8Array([1])], { type: "image/png" }),
  };
  const prove = async () => (proofs.push("proof"), daemon);
  const connection = { proved: proved ?? prove, call: (ask) => ask(daemon) };
  const jobs = new Jobs({
    chrome,
    connection,
    onChange: (job) => swaps.onChange(job),
    onResult: (job) => swaps.onResult(job),
  });
  const fetch = async (asked) => (fetched.push(asked), new Response("x", { headers: { "Content-Type": "image/png" } }));
  const swaps = new Swaps({
    chrome,
    fetch,
    settings: new Settings(chrome),
    connection,
    jobs,
    pendingRequests: new PendingRequests(chrome),
    pause: async () => {},
  });
  const states = async () => (await jobs.all()).map(({ state }) => state);
  return { chrome, swaps, jobs, daemon, shown, fetched, proofs, states };
}

/** A promise and the way to settle it. */
function question() {
  let answer;
  const asked = new Promise((resolve) => {
    answer = resolve;
  });
  return { asked, answer };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("a swap goes from the click to the result in place", async () => {
  const { swaps, states, daemon, jobs } = extension();
  await swaps.start(REQUEST);
  assert.deepEqual(await states(), ["done"]);
  assert.deepEqual(daemon.posted, [
    {
      kind: "swap",
      target: "sha256:0",
      reference: "ref:r",
      options: { faces: "largest" },
      label: { target: "face.png" },
    },
  ]);
  assert.equal((await jobs.all())[0].shown, true);
});

test("while the page is asked the daemon is proved and the picture read; it is sent after the answer", async () => {
  const { swaps, chrome, daemon, fetched, proofs } = extension();
  const [put, { asked, answer }, tell] = [[], question(), chrome.tabs.sendMessage];
  daemon.beginBlob = async () => ({ name: `sha256:${put.push("sent")}`, sent: Promise.resolve() });
  chrome.tabs.sendMessage = async (tabId, message) => {
    if (message.do === "find") await asked;
    return tell(tabId, message);
  };
  const swap = swaps.start(REQUEST);
  for (let turns = 0; turns < 20; turns += 1) await turn();
  assert.deepEqual([fetched, proofs.length, put], [[PICTURE], 1, []]);
  answer();
  await swap;
  assert.deepEqual([fetched, proofs.length, put], [[PICTURE], 1, ["sent"]]);
});

test("of a picture that the page shows no more nothing is sent", async () => {
  const { swaps, daemon, chrome } = extension();
  daemon.beginBlob = () => assert.fail("it was sent");
  chrome.tabs.sendMessage = async () => ({ found: false });
  await swaps.start(REQUEST);
});

test("another picture than the menu named is read for itself", async () => {
  const { swaps, fetched } = extension({ url: "https://page.test/own.png" });
  await swaps.start(REQUEST);
  assert.deepEqual(fetched.slice(1), ["https://page.test/own.png"]);
});

test("where the person is asked for a face first, no picture is read and no proof asked for", async () => {
  const { swaps, fetched, proofs, states } = extension();
  await swaps.start({ ...REQUEST, ask: true });
  assert.deepEqual([fetched, proofs, await states()], [[], [], ["choosing"]]);
});

test("while the browser asks for a host the overlay says which and why, and an alarm sends nothing", async () => {
  const { swaps, states, daemon, shown, jobs } = extension();
  const { asked, answer } = question();
  const swap = swaps.start(REQUEST, asked);
  for (let turns = 0; turns < 20; turns += 1) await turn();
  assert.deepEqual(await states(), ["asking"]);
  assert.equal(shown.at(-1), "stage_asking");
  await jobs.attach((job) => swaps.send(job));
  assert.deepEqual(daemon.posted, []);
  answer(true);
  await swap;
  assert.deepEqual(await states(), ["done"]);
});

test("nothing is said of permission where none is asked for", async () => {
  const { swaps, shown } = extension({ url: "https://page.test/face.png" });
  await swaps.start({ ...REQUEST, hint: { srcUrl: "https://page.test/face.png" } }, Promise.resolve(true));
  assert.ok(!shown.includes("stage_asking"));
});

test("a swap that is cancelled while the browser asks is not sent after the answer", async () => {
  const { swaps, states, daemon, jobs } = extension();
  const { asked, answer } = question();
  const swap = swaps.start(REQUEST, asked);
  for (let turns = 0; turns < 20; turns += 1) await turn();
  await jobs.cancel((await jobs.all())[0].key);
  answer(true);
  await swap;
  assert.deepEqual([await states(), daemon.posted], [["cancelled"], []]);
});

test("a swap that is cancelled while it is being sent is cancelled over there as well", async () => {
  const { swaps, states, daemon, jobs } = extension();
  const post = daemon.postJob;
  daemon.postJob = async (job) => {
    await jobs.cancel((await jobs.all())[0].key);
    return post(job);
  };
  await swaps.start(REQUEST);
  assert.deepEqual([await states(), daemon.cancelled], [["cancelled"], ["d1"]]);
});

test("a swap that was over before an interrupted background sent it again is still delivered", async () => {
  const { swaps, states, daemon, jobs } = extension();
  daemon.postJob = async () => ({ id: "d1", state: "done" });
  await swaps.start(REQUEST);
  assert.deepEqual([await states(), daemon.cancelled], [["done"], []]);
  assert.equal((await jobs.all())[0].shown, true);
});

test("a swap that failed before an interrupted background sent it again says why", async () => {
  const { swaps, states, daemon, jobs } = extension();
  daemon.postJob = async () => ({ id: "d1", state: "failed" });
  daemon.job = async () => ({ job: { state: "failed", problem: { code: "no-face-found" } }, tag: "failed" });
  await swaps.start(REQUEST);
  assert.deepEqual(await states(), ["failed"]);
  assert.equal((await jobs.all())[0].problem.code, "no-face-found");
});

test("a swap that was sent with other settings before an interruption goes on with the job it has", async () => {
  const { swaps, states, daemon, jobs } = extension();
  daemon.postJob = async () => {
    throw Problem.from({ code: "idempotency-key-reused", field: "Idempotency-Key", job: "d1" });
  };
  await swaps.start(REQUEST);
  assert.deepEqual(await states(), ["done"]);
  assert.equal((await jobs.all())[0].daemonJob, "d1");
});

test("a page that answers nothing more, stopped by a dialog, holds up no other swap", async () => {
  const { chrome, swaps, jobs, daemon, states } = extension();
  const answer = chrome.tabs.sendMessage;
  chrome.tabs.sendMessage = (tabId, message) => (tabId === 2 ? new Promise(() => {}) : answer(tabId, message));
  swaps.take(
    { ...REQUEST, tabId: 2, reference: FACE },
    { pictureId: "q", source: { kind: "url", url: PICTURE }, box: {}, pageUrl: REQUEST.tabUrl },
  );
  await swaps.start(REQUEST);
  assert.equal((await jobs.find({ tabId: 1 })).state, "done");
  assert.equal(daemon.posted.length, 2);
  assert.deepEqual((await states()).sort(), ["done", "queued"]);
});

test("what failed for want of a pairing continues once there is one, and leaves no failure behind", async () => {
  const unpaired = [true];
  const app = extension({
    proved: async () => (unpaired.pop() ? Promise.reject(new Problem("unpaired")) : app.daemon),
  });
  await app.swaps.start(REQUEST);
  assert.deepEqual([await app.states(), app.shown.at(-1)], [["failed"], "problem_unpaired"]);
  await app.swaps.afterPairing();
  assert.deepEqual(await app.states(), ["done"]);
});
