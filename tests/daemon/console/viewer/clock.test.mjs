// How a moment of a clip is written.
import assert from "node:assert/strict";
import test from "node:test";

import { clock, readClock } from "../../../../daemon/mien_daemon/console/viewer/clock.js";

test("a moment is written as players do, to a tenth of a second", () => {
  assert.deepEqual([0, 1.25, 65.2, 3600, 4_000.99].map(clock), [
    "0:00.0",
    "0:01.2",
    "1:05.2",
    "1:00:00.0",
    "1:06:40.9",
  ]);
  assert.equal(clock(0.3), "0:00.3", "what binary fractions fall short of");
});

test("a moment is read as it is written, and as people type it", () => {
  for (const seconds of [0, 1.2, 65.2, 599.9, 3600, 4_000.9]) assert.equal(readClock(clock(seconds)), seconds);
  assert.deepEqual(["83.4", "83,4", " 7 ", "1:2"].map(readClock), [83.4, 83.4, 7, 62]);
  assert.deepEqual(["", "soon", "1:", "-3", "1:2:3:4", "1.5:00"].map(readClock), Array(6).fill(null));
});
