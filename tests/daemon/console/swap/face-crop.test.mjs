// A face is shown in a window, and cut out of a picture without the people beside it.
import assert from "node:assert/strict";
import test from "node:test";

import { placeOf, regionOf } from "../../../../daemon/mien_daemon/console/swap/face-crop.js";

test("a window shows the face as large, however small the picture that is at hand", () => {
  const face = { bbox: [40, 40, 60, 60], side: 200 };
  const whole = placeOf(face, [200, 100], 1);
  assert.deepEqual(whole, { zoom: 5, x: -0.75, y: -0.75 });
  assert.deepEqual(placeOf(face, [50, 25], 1), whole);
});

test("a face is cut out with what is around it, as far as the picture goes", () => {
  assert.deepEqual(regionOf({ bbox: [10, 40, 30, 60] }, [], [100, 100]), [0, 20, 50, 80]);
});

test("the cut ends half way to the next face, on whichever side that is", () => {
  const face = { bbox: [100, 100, 120, 120] };
  const beside = { bbox: [130, 100, 150, 120] };
  const above = { bbox: [100, 76, 120, 96] };
  assert.deepEqual(regionOf(face, [beside, above], [400, 400]), [80, 98, 125, 140]);
});
