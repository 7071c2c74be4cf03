// The list of jobs: a group stands for its jobs until it is opened.
import assert from "node:assert/strict";
import test from "node:test";

globalThis.document ??= /** @type {any} */ ({ createElement: () => ({ setAttribute() {}, append() {} }) });
const { matchesGroup, stateOf } = await import("../../../../daemon/mien_daemon/console/jobs/group-row.js");
const { arrange, collect } = await import("../../../../daemon/mien_daemon/console/jobs/view.js");

const GROUP = { group: "g", queued: 0, running: 0, done: 1, failed: 0, cancelled: 0 };
const JOBS = [
  { id: "a", group: "g", state: "done" },
  { id: "b", group: null, state: "failed" },
  { id: "c", group: "unknown yet", state: "done" },
];
const names = (shown) => shown.map(({ id, group }) => id ?? group);

test("a group stands for its jobs until it is opened", () => {
  assert.deepEqual(names(collect([GROUP], JOBS, { filter: "all", open: new Set() })), ["g", "b", "c"]);
  assert.deepEqual(names(collect([GROUP], JOBS, { filter: "all", open: new Set(["g"]) })), ["g", "a", "b", "c"]);
});

test("a filter shows groups that have such jobs", () => {
  assert.deepEqual(names(collect([GROUP], JOBS, { filter: "failed", open: new Set() })), ["b"]);
  assert.ok(matchesGroup({ ...GROUP, cancelled: 1 }, "failed"));
  assert.ok(matchesGroup({ ...GROUP, queued: 1 }, "active"));
  assert.ok(!matchesGroup(GROUP, "active"));
});

test("a group is at work until nothing waits, and then says what failed", () => {
  assert.equal(stateOf({ ...GROUP, queued: 1, failed: 2 }), "running");
  assert.equal(stateOf({ ...GROUP, failed: 2 }), "failed");
  assert.equal(stateOf(GROUP), "done");
});

test("what is at work, what waits and what is over stand apart, an open group's jobs below it", () => {
  const place = { position: 1, priority: "interactive" };
  const open = { ...GROUP, queued: 1, isOpen: true, next: { id: "n", ...place } };
  const jobs = [
    { id: "r", group: null, state: "running" },
    { id: "q", group: null, state: "queued", ...place, position: 2 },
  ];
  const { running, queued, over } = arrange([open, JOBS[0], ...jobs, JOBS[1]]);
  assert.deepEqual([names(running), names(queued), names(over)], [["r"], ["g", "a", "q"], ["b"]]);
});

test("what waits stands as it will begin: a group by its first job, its jobs below it", () => {
  const waits = (id, position, group = null) => ({ id, group, position, state: "queued", priority: "batch" });
  const at = (position) => ({ id: "", position, priority: "batch" });
  const head = { ...GROUP, queued: 1, isOpen: true, next: at(5) };
  const listed = [{ ...head, group: "none", isOpen: false, next: null }, head, waits("a", 5, "g"), waits("b", 2)];
  const { queued } = arrange([...listed, waits("c", 7)]);
  assert.deepEqual(names(queued), ["b", "g", "a", "c", "none"]);
});
