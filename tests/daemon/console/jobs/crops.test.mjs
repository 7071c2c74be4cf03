// A job's small picture shows the changed face, in the middle where the picture's edge allows it.
import assert from "node:assert/strict";
import test from "node:test";

globalThis.document ??= /** @type {any} */ ({ createElement: () => ({ setAttribute() {}, append() {} }) });
const { nearFace } = await import("../../../../daemon/mien_daemon/console/jobs/crops.js");
const { placeFor } = await import("../../../../daemon/mien_daemon/console/jobs/grip.js");

const job = (bbox, size = [1000, 1000]) => ({ result: { size, faces: [{ swapped: true, bbox }] } });
/** Where the face is in the square, 0..1: as CSS enlarges about the origin. */
function shownAt({ x, zoom, "origin-x": origin }) {
  const [at, about] = [parseFloat(x) / 100, parseFloat(origin) / 100];
  return about + (at - about) * Number(zoom);
}

test("a small face is enlarged and comes to the middle", () => {
  const near = nearFace(job([300, 300, 425, 425]));
  assert.equal(near.zoom, "4.000");
  assert.ok(Math.abs(shownAt(near) - 0.5) < 0.01);
});

test("a face at the edge stays in sight, and a large one is not made smaller", () => {
  const near = nearFace(job([0, 0, 100, 100]));
  assert.ok(shownAt(near) >= 0.1 && shownAt(near) < 0.5);
  assert.equal(nearFace(job([100, 100, 900, 900])).zoom, "1.000");
  assert.equal(nearFace({ result: null }), null);
});

test("the arrow keys move a place, Home and End to the ends, and nothing beyond them", () => {
  const waiting = ["a", "b", "c"].map((key) => ({ key }));
  const places = (id) => ["ArrowUp", "ArrowDown", "Home", "End", "x"].map((key) => placeFor(key, waiting, id));
  assert.deepEqual(places("b"), [0, 2, 0, 2, null]);
  assert.deepEqual(places("a"), [null, 1, null, 2, null]);
  assert.deepEqual(places("gone"), [null, null, null, null, null]);
});
