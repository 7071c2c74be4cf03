// What is said of a folder's pictures follows what was sent and what became of the jobs.
import assert from "node:assert/strict";
import test from "node:test";

import {
  countStates,
  failedFirst,
  stateOf,
  wordOf,
} from "../../../../daemon/mien_daemon/console/swap/folder-states.js";

const files = ["a", "b", "c", "d", "e"].map((name) => ({ name }));
const [a, b, c, d, e] = files;
const jobs = new Map([
  ["job a", { state: "done" }],
  ["job b", { state: "running" }],
  ["job d", { state: "failed" }],
]);
const folder = {
  files,
  states: new Map([
    [a, "sent"],
    [b, "sent"],
    [c, "refused"],
    [d, "sent"],
    [e, "sent"],
  ]),
  jobs: new Map([a, b, d, e].map((file) => [file, `job ${file.name}`])),
};

test("a picture is what its job is, and waits while that is not known", () => {
  assert.deepEqual(
    files.map((file) => stateOf(folder, file, jobs)),
    ["done", "running", "refused", "failed", "sent"],
  );
  assert.equal(stateOf({ files }, a, jobs), "new", "nothing was sent yet");
});

test("what came to nothing stands first, everything else in its own order", () => {
  assert.deepEqual(failedFirst(folder, jobs), [c, d, a, b, e]);
  assert.deepEqual(failedFirst({ files }, jobs), files);
});

test("a refused picture is no job and is not counted as one", () => {
  assert.deepEqual(countStates(folder, jobs), { done: 1, failed: 1, total: 4 });
});

test("every state has its words", () => {
  assert.deepEqual(["new", "sent", "done", "refused"].map(wordOf), [
    "file_new",
    "state_queued",
    "state_done",
    "file_refused",
  ]);
});
