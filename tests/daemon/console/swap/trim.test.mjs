// A part of a clip is chosen to a tenth of a second, however long the clip is.
import assert from "node:assert/strict";
import test from "node:test";

import { stepOf } from "../../../../daemon/mien_daemon/console/swap/moment-field.js";
import { mostTimes } from "../../../../daemon/mien_daemon/console/swap/strip-zoom.js";

test("a key steps a tenth of a second, with Shift a second, and a page ten", () => {
  assert.equal(stepOf({ key: "ArrowUp", shiftKey: false }), 0.1);
  assert.equal(stepOf({ key: "ArrowDown", shiftKey: true }), -1);
  assert.equal(stepOf({ key: "PageUp", shiftKey: false }), 10);
  assert.equal(stepOf({ key: "7", shiftKey: false }), 0);
});

test("the row of a short clip has its place's length, that of ten minutes shows tenths of a second", () => {
  assert.equal(mostTimes(2), 1);
  const pixelsOfATenth = (600 * mostTimes(600)) / 6000;
  assert.ok(pixelsOfATenth >= 6);
});
