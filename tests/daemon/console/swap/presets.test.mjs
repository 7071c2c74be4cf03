// Settings under a name of the person's own stand beside the engine's presets.
import assert from "node:assert/strict";
import test from "node:test";

import {
  forgetNamed,
  isNamed,
  keepNamed,
  nameOf,
  withNamed,
} from "../../../../daemon/mien_daemon/console/swap/presets.js";

function storage(kept = {}) {
  return { getItem: (key) => kept[key] ?? null, setItem: (key, value) => (kept[key] = value) };
}
const OWN = new Map([["balanced", {}]]);

test("a name hides no preset of the engine, belongs to one engine, and can be forgotten", () => {
  const held = storage();
  const preset = keepNamed(held, "mesh", "balanced", { shape: 0.4 });
  assert.deepEqual([isNamed(preset), isNamed("balanced"), nameOf(preset)], [true, false, "balanced"]);
  assert.deepEqual(
    [...withNamed(held, "mesh", OWN)],
    [
      ["balanced", {}],
      [preset, { shape: 0.4 }],
    ],
  );
  assert.deepEqual([...withNamed(held, "flux", OWN)], [["balanced", {}]]);
  forgetNamed(held, "mesh", preset);
  assert.deepEqual([...withNamed(held, "mesh", OWN).keys()], ["balanced"]);
});
