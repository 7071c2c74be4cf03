// Jobs promise: what is known of them outlives the background, every result is delivered once, nothing that is over
// starts again, and a daemon that goes away is waited for.
import assert from "node:assert/strict";
import { test } from "node:test";

import { fakeChrome } from "./fakes.mjs";

const { isOver, Jobs } = await import("../../extension/src/jobs.js");
const { Problem } = await import("../../extension/src/problem.js");

const unreachable = () => {
  throw new Problem("daemon-unreachable");
};
const seen =
  (state, more = {}) =>
  () => ({ job: { state, progress: 0.5, ...more }, tag: state });
const nothingNew = () => null;

/** A background, its daemon told by `turns`, one a poll. */
function background(turns = [], chrome = fakeChrome()) {
  const told = [];
  const results = [];
  const pauses = [];
  const polls = [];
  const daemon = {
    job: async (id, tag) => {
      polls.push(tag);
      return (turns.length > 1 ? turns.shift() : turns[0])();
    },
    cancelJob: async (id) => told.push(`cancel ${id}`),
  };
  const jobs = new Jobs({
    chrome,
    connection: { call: (ask) => ask(daemon) },
    onChange: async (job) => told.push(job.state),
    onResult: async (job) => {
      results.push(job.key);
      return { shown: true };
    },
    pause: async (milliseconds) => pauses.push(milliseconds),
    now: () => 0,
  });
  return { jobs, chrome, told, results, pauses, polls };
}

async function sent(jobs, daemonJob = "d1") {
  const { key } = await jobs.add({ tabId: 1, frameId: 0, pictureId: "p", reference: { id: "r", name: "Anna" } });
  return jobs.update(key, { daemonJob, state: "queued" });
}

test("a job is followed to its result, which is delivered once", async () => {
  const { jobs, told, results } = background([seen("queued"), seen("running"), nothingNew, seen("done")]);
  const { key } = await sent(jobs);
  await jobs.follow(key);
  await jobs.follow(key);
  await jobs.attach();
  assert.deepEqual(results, [key]);
  assert.equal(told.at(-1), "done");
  assert.equal((await jobs.get(key)).progress, 1);
});

test("a change is told with what the job was before", async () => {
  const { jobs } = background();
  const { key } = await sent(jobs);
  const told = [];
  jobs.onChange = async (job, before) => told.push([before.state, job.state, job.progress]);
  await jobs.update(key, { state: "running", progress: 0.2 });
  await jobs.update(key, { state: "running", progress: 0.4 });
  assert.deepEqual(told, [
    ["queued", "running", 0.2],
    ["running", "running", 0.4],
  ]);
});

test("two who follow the same job share one watch", async () => {
  const { jobs, polls } = background([seen("running"), seen("done")]);
  const { key } = await sent(jobs);
  await Promise.all([jobs.follow(key), jobs.follow(key)]);
  assert.equal(polls.length, 2);
});

test("what was seen last is told, so that the daemon answers only with news", async () => {
  const { jobs, polls } = background([seen("running"), nothingNew, seen("done")]);
  const { key } = await sent(jobs);
  await jobs.follow(key);
  assert.deepEqual(polls, [null, "running", "running"]);
});

test("after an eviction another background takes up every open job from memory", async () => {
  const first = background([() => new Promise(() => {})]);
  const { key } = await sent(first.jobs);
  first.jobs.follow(key); // cut off in the middle: this promise never ends
  const second = background([seen("done")], first.chrome);
  await second.jobs.attach(() => assert.fail("it was sent before"));
  assert.deepEqual(second.results, [key]);
  assert.equal((await second.jobs.get(key)).state, "done");
});

test("a job that was cut off before it was sent is sent again, and one still being chosen for is not", async () => {
  const { jobs } = background();
  const cut = await jobs.add({ tabId: 1 });
  await jobs.add({ tabId: 1, state: "choosing" });
  const again = [];
  await jobs.attach(async (job) => again.push(job.key));
  assert.deepEqual(again, [cut.key]);
});

test("an alarm is set with the first job and cleared when none is open", async () => {
  const { jobs, chrome } = background([seen("done")]);
  const { key } = await sent(jobs);
  assert.deepEqual(chrome.log.at(0), ["alarm", "jobs", { periodInMinutes: 0.5 }]);
  await jobs.follow(key);
  await jobs.attach();
  assert.deepEqual(chrome.log.at(-1), ["no alarm", "jobs"]);
});

test("a daemon that is gone is waited for, with growing pauses, and the job continues", async () => {
  const { jobs, told, pauses } = background([...Array(7).fill(unreachable), seen("running"), seen("done")]);
  const { key } = await sent(jobs);
  await jobs.follow(key);
  assert.deepEqual(pauses, [500, 1000, 2000, 4000, 8000, 8000, 8000]);
  assert.ok(told.includes("waiting"));
  assert.equal((await jobs.get(key)).state, "done");
});

test("a result that could not be fetched because the daemon went away is fetched when it is back", async () => {
  const { jobs, results } = background([seen("done")]);
  const { key } = await sent(jobs);
  let absent = 1;
  const take = jobs.onResult;
  jobs.onResult = async (job) => (absent-- > 0 ? unreachable() : take(job));
  await jobs.follow(key);
  assert.deepEqual(results, [key]);
});

test("a refused job ends with the problem, as data", async () => {
  const problem = { code: "no-face-found", role: "target" };
  const { jobs } = background([seen("failed", { problem })]);
  const { key } = await sent(jobs);
  await jobs.follow(key);
  assert.deepEqual((await jobs.get(key)).problem, { code: "no-face-found", fields: { role: "target" } });
});

test("a revoked browser’s job ends with the words for it", async () => {
  const { jobs } = background([
    () => {
      throw new Problem("unpaired");
    },
  ]);
  const { key } = await sent(jobs);
  await jobs.follow(key);
  assert.equal((await jobs.get(key)).problem.code, "unpaired");
});

test("cancelling ends a job here at once and tells the daemon", async () => {
  const { jobs, told } = background();
  const { key } = await sent(jobs);
  await jobs.cancel(key);
  assert.deepEqual(told.slice(-2), ["cancelled", "cancel d1"]);
  await jobs.cancel(key);
  assert.equal(told.filter((word) => word === "cancel d1").length, 1);
});

test("what is over stays over when something arrives late", async () => {
  const { jobs } = background();
  const { key } = await sent(jobs);
  await jobs.cancel(key);
  await jobs.update(key, { state: "done" });
  assert.equal((await jobs.get(key)).state, "cancelled");
});

test("a note that is written while a job ends does not bring it back to life", async () => {
  const { jobs } = background();
  const { key } = await sent(jobs);
  await Promise.all([
    jobs.note(key, { thumbnail: "data:" }),
    jobs.update(key, { state: "done" }),
    jobs.note(key, { shown: true }),
  ]);
  const { state, thumbnail, shown } = await jobs.get(key);
  assert.deepEqual({ state, thumbnail, shown }, { state: "done", thumbnail: "data:", shown: true });
});

test("only the newest finished jobs are kept, and open ones always", async () => {
  const { jobs } = background();
  const open = await jobs.add({ tabId: 0 });
  for (let tabId = 1; tabId <= 40; tabId += 1) {
    const { key } = await jobs.add({ tabId });
    await jobs.update(key, { state: "cancelled" });
  }
  await jobs.add({ tabId: 41 });
  const kept = await jobs.all();
  assert.ok(kept.filter(isOver).length <= 24);
  assert.ok(kept.some(({ key }) => key === open.key));
});

test("jobs are found by where their picture is, the newest first", async () => {
  const { jobs } = background();
  jobs.now = () => 1;
  await jobs.add({ tabId: 1, frameId: 0, pictureId: "p" });
  jobs.now = () => 2;
  const newer = await jobs.add({ tabId: 1, frameId: 0, pictureId: "p" });
  assert.equal((await jobs.find({ tabId: 1, frameId: 0, pictureId: "p" })).key, newer.key);
  assert.equal(await jobs.find({ tabId: 2 }), null);
});
