// Who gets whose face becomes the body of a job.
import assert from "node:assert/strict";
import test from "node:test";

import { assignLargest, isReady, jobFor } from "../../../../daemon/mien_daemon/console/swap/assignments.js";

const faces = [
  { index: 0, bbox: [0, 0, 10, 10] },
  { index: 1, bbox: [0, 0, 30, 30] },
];

const PEOPLE = [
  { key: "a", pictures: ["a"] },
  { key: "b", pictures: ["b", "b2"] },
];

test("at first the largest face gets the reference", () => {
  assert.deepEqual(assignLargest(faces, "ref:a"), { 1: "ref:a" });
  assert.deepEqual(assignLargest(faces, undefined), {});
});

test("one reference for several faces is named once", () => {
  const job = jobFor({ digest: "t", assignments: { 1: "a", 0: "a" } }, null, PEOPLE, { engine: "mesh" }, "batch");
  assert.equal(job.reference, "a");
  assert.deepEqual(job.options, { engine: "mesh", faces: [0, 1], priority: "batch" });
});

test("different references stand in the order of their faces", () => {
  const job = jobFor({ digest: "t", assignments: { 2: "b", 0: "a", 1: undefined } }, null, PEOPLE, {}, "interactive");
  assert.deepEqual([job.reference, job.references, job.options.faces], [undefined, [["a"], ["b", "b2"]], [0, 2]]);
});

test("one person in several pictures is a list of them", () => {
  const job = jobFor({ digest: "t", assignments: { 0: "b" } }, null, PEOPLE, {}, "interactive");
  assert.deepEqual([job.reference, job.references], [["b", "b2"], undefined]);
});

test("while faces are not known the largest is meant", () => {
  assert.deepEqual(jobFor({ digest: "t", assignments: {} }, "a", PEOPLE, {}, "interactive").options.faces, "largest");
  assert.equal(isReady({ digest: "t", assignments: {} }, "a"), true);
  assert.equal(isReady({ digest: "t", assignments: {}, faces }, "a"), false);
});
