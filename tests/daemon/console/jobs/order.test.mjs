// Jobs stand in the order in which they run.
import assert from "node:assert/strict";
import test from "node:test";

import { beforeAt, inOrder, waitingOf } from "../../../../daemon/mien_daemon/console/jobs/order.js";

const queued = (id, position, priority = "interactive") => ({
  id,
  state: "queued",
  position,
  priority,
  created_at: "",
});
const JOBS = [
  queued("c", 3),
  queued("a", 1),
  queued("b", 2),
  queued("z", 0, "batch"),
  { id: "r", state: "running", created_at: "" },
];
const ids = (jobs) => jobs.map(({ id }) => id);

test("the running job is first, then those that wait, a batch after single jobs", () => {
  assert.deepEqual(ids(inOrder(JOBS)), ["r", "a", "b", "c", "z"]);
});

test("a waiting job goes before the one that will stand behind it, and last before none", () => {
  const waiting = waitingOf(JOBS);
  assert.equal(beforeAt(waiting, "b", 0), "a");
  assert.equal(beforeAt(waiting, "a", 1), "c");
  assert.equal(beforeAt(waiting, "a", 3), null);
});
