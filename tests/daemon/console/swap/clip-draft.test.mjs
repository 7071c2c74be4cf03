// A clip's swap has options of its own beside its engine's, and keeps them when it is done again.
import assert from "node:assert/strict";
import test from "node:test";

import { Draft } from "../../../../daemon/mien_daemon/console/swap/draft.js";
import { readControls } from "../../../../daemon/mien_daemon/console/swap/engines.js";

function storage(kept = {}) {
  return { getItem: (key) => kept[key] ?? null, setItem: (key, value) => (kept[key] = value) };
}

const draftWith = () => new Draft({}, storage(), storage());

test("a clip's job has its part and how it is written, and nothing that only a picture takes", () => {
  const draft = draftWith();
  draft.clipControls = readControls({
    from: { type: "number", default: null },
    encoder: { enum: ["auto", "av1"], default: "auto", control: "main" },
    quality: { type: "integer", minimum: 1, maximum: 100, default: 70, control: "main" },
  });
  draft.set({ "clip.quality": 40, format: "png", restore: 0.5 });
  const options = draft.optionsFor("mesh", { clip: true, begin: 1, end: 2 });
  const shared = { engine: "mesh", seed: 0, restore: 0 };
  assert.deepEqual(options, { ...shared, encoder: "auto", quality: 40, from: 1, to: 2 });
  assert.deepEqual(draft.optionsFor("mesh", {}), { ...shared, restore: 0.5, format: "png" });
  draft.take({ target: "sha256:t", references: [["ref:a"]], options: { engine: "mesh", encoder: "av1" } }, "again");
  assert.equal(draft.optionsFor("mesh", { clip: true }).encoder, "av1");
});

test("a clip that is done again before its controls are told keeps its codec and its quality", () => {
  const draft = draftWith();
  assert.deepEqual(draft.clipControls, []);
  const options = { engine: "mesh", encoder: "av1", quality: 40, shape: 0.4 };
  draft.take({ target: "sha256:t", references: [["ref:a"]], options, result: { video: {} } }, "again");
  draft.clipControls = readControls({
    encoder: { enum: ["auto", "av1"], default: "auto", control: "main" },
    quality: { type: "integer", minimum: 1, maximum: 100, default: 70, control: "main" },
  });
  const asked = draft.optionsFor("mesh", { clip: true });
  assert.deepEqual(asked, { ...options, seed: 0, restore: 0 });
  assert.equal(draft.options.quality, 0);
  const own = Object.keys(draft.options).filter((key) => key.startsWith("mesh."));
  assert.deepEqual(own, ["mesh.shape"]);
});
