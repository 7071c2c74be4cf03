// A result is shown while its job keeps it.
import assert from "node:assert/strict";
import test from "node:test";

import { isKept } from "../../../../daemon/mien_daemon/console/results/retention.js";

const job = (changes) => ({ state: "done", kind: "swap", expires_at: "2999-01-01T00:00:00Z", ...changes });

test("a finished job has its result until it expires", () => {
  assert.equal(isKept(job({})), true);
  assert.equal(isKept(job({ expires_at: "2001-01-01T00:00:00Z" })), false);
});

test("a job that is not done has none", () => {
  for (const state of ["queued", "running", "failed", "cancelled"]) assert.equal(isKept(job({ state })), false);
});
