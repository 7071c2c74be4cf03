// What a result was made with says what is not as usual, and nothing else.
import assert from "node:assert/strict";
import test from "node:test";

import { madeWith } from "../../../../daemon/mien_daemon/console/results/made-with.js";

const KNOWN = {
  engines: [{ name: "mesh", options: { shape: { default: 0.7 }, masks: { default: [] } } }],
  clips: { quality: { default: 80 } },
};
const made = (options, result = {}) =>
  madeWith({ options, result: { engine: "mesh", faces: [{}, {}], ...result } }, KNOWN).slice(1);

test("the engine is first, with the choice that led to it", () => {
  const [engine] = madeWith({ options: { engine: "auto" }, result: { engine: "mesh" } }, KNOWN);
  assert.deepEqual(engine[1], "mesh (auto)");
});

test("what is as usual is left out", () => {
  assert.deepEqual(made({ engine: "mesh", seed: 0, restore: 0, shape: 0.7, masks: [], faces: "largest" }), []);
  assert.deepEqual(made({ seed: 7, shape: 0.8 }), [
    ["seed", "7"],
    ["shape", "0.8"],
  ]);
});

test("faces are named where others could have been chosen", () => {
  assert.deepEqual(made({ faces: [0, 1] }), []);
  assert.deepEqual(made({ faces: [1] }), [["faces", "2"]]);
  assert.deepEqual(made({ faces: [0] }, { faces: [{}] }), []);
});

test("a clip's options have their own usual values", () => {
  assert.deepEqual(made({ quality: 80 }, { video: {} }), []);
  assert.deepEqual(made({ quality: 80 }), [["quality", "80"]]);
});

test("nothing is left out while the usual values are not known", () => {
  assert.deepEqual(madeWith({ options: { shape: 0.7 }, result: { engine: "mesh" } }, null).length, 2);
});
