// An event about a thing makes an answer that was asked for before it old.
import assert from "node:assert/strict";
import test from "node:test";

import { Staleness } from "../../../daemon/mien_daemon/console/staleness.js";

test("what was asked before an event is old, what was asked after it is not", () => {
  const staleness = new Staleness();
  const before = staleness.mark();
  staleness.note("a");
  const after = staleness.mark();
  assert.deepEqual([staleness.isOld("a", before), staleness.isOld("a", after)], [true, false]);
});

test("an event is about one thing only", () => {
  const staleness = new Staleness();
  const mark = staleness.mark();
  staleness.note("a");
  assert.equal(staleness.isOld("b", mark), false);
});
