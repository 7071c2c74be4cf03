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
  tell("job-deleted", { id: "gone" });
  page.resolve({ jobs: [{ id: "gone", state: "done" }], next: null });
  await loading;
  assert.equal(list.get("gone"), undefined);
});

function later() {
  const made = {};
  made.promise = new Promise((resolve) => (made.resolve = resolve));
  return made;
}
