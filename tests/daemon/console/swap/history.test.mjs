// What a person changed is taken back step by step; who is not to come back does not.
import assert from "node:assert/strict";
import test from "node:test";

import { Draft } from "../../../../daemon/mien_daemon/console/swap/draft.js";

function storage(kept = {}) {
  return { kept, getItem: (key) => kept[key] ?? null, setItem: (key, value) => (kept[key] = value) };
}

function draftWithTarget() {
  const draft = new Draft({}, storage(), storage());
  draft.targets.push({ name: "a.png", digest: "sha256:a", assignments: {}, faces: [{ index: 0, bbox: [0, 0, 9, 9] }] });
  return draft;
}

test("a choice is taken back to the one before it", () => {
  const draft = draftWithTarget();
  draft.choose({ key: "ref:a", name: "Ann" });
  draft.give(0, undefined);
  draft.undo();
  assert.deepEqual(draft.target.assignments, { 0: "ref:a" });
  draft.undo();
  assert.deepEqual([draft.references, draft.target.assignments], [[], {}]);
  draft.undo(); // nothing is left
  assert.equal(draft.history.isEmpty, true);
});

test("moving one slider is one step, and another option is the next", () => {
  const draft = draftWithTarget();
  for (const restore of [0.1, 0.2, 0.3]) draft.set({ restore });
  draft.set({ seed: 7 });
  draft.undo();
  assert.deepEqual([draft.options.seed, draft.options.restore], [0, 0.3]);
  draft.undo();
  assert.equal(draft.options.restore, 0);
});

test("who was forgotten does not come back", () => {
  const draft = draftWithTarget();
  draft.choose({ key: "ref:a", name: "Ann" });
  draft.give(0, undefined);
  draft.removeReference("ref:a");
  draft.history.clear();
  draft.undo();
  assert.deepEqual(draft.references, []);
});
