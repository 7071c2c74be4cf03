// What an event has overtaken is old, and a list never goes back in time for it.
import assert from "node:assert/strict";
import test from "node:test";

import { JobList } from "../../../daemon/mien_daemon/console/job-list.js";

function listWith(api) {
  const events = new EventTarget();
  const list = new JobList(api, events);
  const tell = (kind, detail) => events.dispatchEvent(Object.assign(new Event(`on:${kind}`), { detail }));
  return { list, tell, events };
}

test("an answer that an event overtook changes nothing", async () => {
  const { list, tell } = listWith({
    post: async () => {
      tell("job", { id: "a", state: "done" });
      return { id: "a", state: "queued" };
    },
  });
  await list.post("/v1/jobs", {});
  assert.equal(list.get("a").state, "done");
});

test("a page that was asked for before an event keeps the event's news", async () => {
  const page = Promise.withResolvers?.() ?? later();
  const { list, tell } = listWith({ get: () => page.promise });
  const loading = list.load();
  await null; // it is asked for
  tell("job", { id: "new", state: "running" });
  page.resolve({ jobs: [{ id: "old", state: "done" }], next: null });
  await loading;
  assert.deepEqual(
    list.all.map(({ id }) => id),
    ["old", "new"],
  );
});

test("a deleted job does not come back with an older page", async () => {
  const page = later();
  const { list, tell } = listWith({ get: () => page.promise });
  const loading = list.load();
  await null; // it is asked for
  tell("job-deleted", { id: "gone" });
  page.resolve({ jobs: [{ id: "gone", state: "done" }], next: null });
  await loading;
  assert.equal(list.get("gone"), undefined);
});

/** A daemon with jobs 1 to `count`, two a page. `gate` is waited for by each answer. */
function pagesOf(count, gate = {}) {
  const asked = [];
  const get = async (path) => {
    const cursor = Number(new URL(path, "http://daemon").searchParams.get("cursor") ?? 0);
    asked.push(cursor);
    await gate.promise;
    const jobs = [cursor + 1, cursor + 2].filter((id) => id <= count).map((id) => ({ id, state: "done" }));
    return { jobs, next: cursor + 2 < count ? String(cursor + 2) : null };
  };
  return { get, asked };
}

const idsOf = (list) => list.all.map(({ id }) => id);

test("a reload while more is on its way leaves no hole", async () => {
  const gate = {};
  const { list } = listWith(pagesOf(8, gate));
  await list.load();
  await list.more();
  Object.assign(gate, later());
  const both = [list.more(), list.load()];
  gate.resolve();
  await Promise.all(both);
  assert.deepEqual(idsOf(list), [1, 2, 3, 4, 5, 6]);
  await list.more();
  assert.deepEqual(idsOf(list), [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.equal(list.next, null);
});

test("after the events broke off, as many jobs are shown as before", async () => {
  const { list, events } = listWith(pagesOf(8));
  await list.load();
  await list.more();
  events.dispatchEvent(new Event("up"));
  await list.asking;
  assert.deepEqual(idsOf(list), [1, 2, 3, 4]);
});

test("a page that is asked for twice is fetched once", async () => {
  const daemon = pagesOf(8);
  const { list } = listWith(daemon);
  await list.load();
  await Promise.all([list.more(), list.more()]);
  assert.deepEqual(daemon.asked, [0, 2]);
});

test("several reloads that wait for their turn are one", async () => {
  const daemon = pagesOf(8);
  const { list } = listWith(daemon);
  await Promise.all([list.load(), list.load(), list.load()]);
  assert.deepEqual(daemon.asked, [0]);
});

test("that the first page could not be had is told to who waits for it", async () => {
  const { list } = listWith({ get: () => Promise.reject({ document: { code: "state-busy" } }) });
  const told = [];
  list.addEventListener("change", () => told.push(list.loaded));
  await list.load();
  assert.deepEqual(told, [false]);
});

test("a page that cannot be had stops no later one", async () => {
  const daemon = pagesOf(4);
  const answers = [() => Promise.reject(new Error("no network")), daemon.get];
  const { list } = listWith({ get: (path) => (answers.shift() ?? daemon.get)(path) });
  await assert.rejects(list.load());
  await list.load();
  assert.deepEqual(idsOf(list), [1, 2]);
});

function later() {
  const made = {};
  made.promise = new Promise((resolve) => (made.resolve = resolve));
  return made;
}
