// Of several people in a picture the one that is meant is kept, and nobody else's face.
import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.chrome ??= /** @type {any} */ ({});
const { regionAlone } = await import("../../extension/ui/face-choice.js");

const PICTURE = { width: 1000, height: 600 };

test("a face alone is kept with its head and shoulders, inside the picture", () => {
  assert.deepEqual(regionAlone([400, 200, 500, 300], [], PICTURE), [300, 100, 600, 400]);
  assert.deepEqual(regionAlone([0, 0, 100, 100], [], PICTURE), [0, 0, 200, 200]);
});

test("the part ends halfway to a neighbour on every side", () => {
  const one = [400, 200, 500, 300];
  assert.deepEqual(regionAlone(one, [[540, 200, 640, 300]], PICTURE), [300, 100, 520, 400]);
  assert.deepEqual(regionAlone(one, [[300, 200, 360, 300]], PICTURE), [380, 100, 600, 400]);
  assert.deepEqual(regionAlone(one, [[400, 340, 500, 440]], PICTURE), [300, 100, 600, 320]);
  assert.deepEqual(regionAlone(one, [[400, 60, 500, 160]], PICTURE), [300, 180, 600, 400]);
});

test("faces that overlap are parted at the edge of the one that is meant", () => {
  assert.deepEqual(regionAlone([400, 200, 500, 300], [[480, 200, 580, 300]], PICTURE), [300, 100, 500, 400]);
});
