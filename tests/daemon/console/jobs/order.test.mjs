// Jobs stand in the order in which they run.
import assert from "node:assert/strict";
import test from "node:test";

import { inOrder, neighbour } from "../../../../daemon/mien_daemon/console/jobs/order.js";

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

test("a waiting job moves up before its neighbour and down behind it", () => {
  assert.equal(neighbour(JOBS, "b", -1), "a");
  assert.equal(neighbour(JOBS, "a", 1), "c");
  assert.equal(neighbour(JOBS, "z", 1), null);
});
