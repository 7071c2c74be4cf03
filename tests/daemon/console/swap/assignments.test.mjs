// Who gets whose face becomes the body of a job.
import assert from "node:assert/strict";
import test from "node:test";

import { assignLargest, isReady, jobFor } from "../../../../daemon/mien_daemon/console/swap/assignments.js";
import { PRESETS, presetOf } from "../../../../daemon/mien_daemon/console/swap/engines.js";
import { inOrder, neighbour } from "../../../../daemon/mien_daemon/console/jobs/order.js";
import { parse } from "../../../../daemon/mien_daemon/console/events.js";

const faces = [
  { index: 0, bbox: [0, 0, 10, 10] },
  { index: 1, bbox: [0, 0, 30, 30] },
];

test("at first the largest face gets the reference", () => {
  assert.deepEqual(assignLargest(faces, "ref:a"), { 1: "ref:a" });
  assert.deepEqual(assignLargest(faces, undefined), {});
});

test("one reference for several faces is named once", () => {
  const job = jobFor({ digest: "t", assignments: { 1: "a", 0: "a" } }, null, { engine: "mesh" }, "batch");
  assert.equal(job.reference, "a");
  assert.deepEqual(job.options, { engine: "mesh", faces: [0, 1], priority: "batch" });
});

test("different references stand in the order of their faces", () => {
  const job = jobFor({ digest: "t", assignments: { 2: "b", 0: "a", 1: undefined } }, null, {}, "interactive");
  assert.deepEqual(
    [job.reference, job.options.faces],
    [
      ["a", "b"],
      [0, 2],
    ],
  );
});

test("while faces are not known the largest is meant", () => {
  assert.deepEqual(jobFor({ digest: "t", assignments: {} }, "a", {}, "interactive").options.faces, "largest");
  assert.equal(isReady({ digest: "t", assignments: {} }, "a"), true);
  assert.equal(isReady({ digest: "t", assignments: {}, faces }, "a"), false);
});

test("settings are recognised as the preset they are", () => {
  assert.equal(presetOf("flux", {}), "balanced");
  assert.equal(presetOf("flux", PRESETS.flux.quick), "quick");
  assert.equal(presetOf("flux", { steps: 13 }), "own");
});

test("a waiting job moves up before its neighbour and down behind it", () => {
  const queued = (id, position, priority = "interactive") => ({
    id,
    state: "queued",
    position,
    priority,
    created_at: "",
  });
  const jobs = [
    queued("c", 3),
    queued("a", 1),
    queued("b", 2),
    queued("z", 0, "batch"),
    { id: "r", state: "running", created_at: "" },
  ];
  assert.deepEqual(
    inOrder(jobs).map(({ id }) => id),
    ["r", "a", "b", "c", "z"],
  );
  assert.equal(neighbour(jobs, "b", -1), "a");
  assert.equal(neighbour(jobs, "a", 1), "c");
  assert.equal(neighbour(jobs, "z", 1), null);
});

test("an event's fields are read as the format says", () => {
  assert.deepEqual(parse('id: x-1\nevent: job\ndata: {"a":1}'), { id: "x-1", event: "job", data: '{"a":1}' });
  assert.deepEqual(parse(": still here"), { event: "message", data: "" });
});
