// Jobs stand in the order in which they run.
import assert from "node:assert/strict";
import test from "node:test";

import { beforeAt, inOrder, orderFor } from "../../../../daemon/mien_daemon/console/jobs/order.js";

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
  const order = orderFor([], JOBS, JOBS[1]);
  assert.deepEqual(
    order.stops.map(({ key }) => key),
    ["a", "b", "c", "z"],
  );
  assert.equal(beforeAt(order, "b", 0), "a");
  assert.equal(beforeAt(order, "a", 1), "c");
  assert.equal(beforeAt(order, "a", 3), null);
});

test("a group stands where its first job waits; its jobs are moved among themselves, before what follows", () => {
  const group = (name, id, position) => ({ group: name, next: { id, position, priority: "batch" } });
  const groups = [group("late", "l", 9), group("early", "e", 4), { group: "done", next: null }];
  const own = ["e", "f"].map((id, at) => ({ ...queued(id, 4 + at, "batch"), group: "early" }));
  const jobs = [...JOBS, ...own];
  const { stops, end } = orderFor(groups, jobs, { group: "late" });
  assert.deepEqual(
    stops.map(({ key }) => key),
    ["a", "b", "c", "z", "group early", "group late"],
  );
  assert.equal(beforeAt({ stops, end }, "group late", 4), "e");
  assert.equal(beforeAt({ stops, end }, "group early", 5), null);
  const inside = orderFor(groups, jobs, own[0]);
  assert.deepEqual(
    inside.stops.map(({ key }) => key),
    ["e", "f"],
  );
  assert.equal(beforeAt(inside, "e", 1), "l");
});
