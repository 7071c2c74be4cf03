// Who makes a target's results: the engine that was chosen, or else the one of a swap that names none.
import assert from "node:assert/strict";
import test from "node:test";

import { listContestants, listRivals } from "../../../../daemon/mien_daemon/console/swap/contestants.js";
import { Draft } from "../../../../daemon/mien_daemon/console/swap/draft.js";

function storage(kept = {}) {
  return { getItem: (key) => kept[key] ?? null, setItem: (key, value) => (kept[key] = value) };
}

const engine = (name) => ({ name, ready: true, seeded: name === "flux", controls: [], presets: new Map() });

/** A page on which the API has told its engines. */
function openPage(remembered, usual, ...more) {
  const draft = new Draft({}, storage(), remembered);
  draft.engines = ["auto", "mesh", "ghost-1", ...more].map(engine);
  draft.usual = usual;
  return draft;
}

test("until another one is chosen the engine is the one of a swap that names none", () => {
  const remembered = storage();
  assert.equal(new Draft({}, storage(), remembered).engine, "mesh"); // before the API has told it
  const draft = openPage(remembered, "auto");
  draft.set({ restore: 0.5 }); // what is remembered with it is no choice of an engine
  assert.equal(listContestants(draft)[0].options.engine, "auto");
  const later = openPage(remembered, "mesh");
  assert.deepEqual([later.engine, later.options.restore], ["mesh", 0.5]);
  assert.deepEqual(
    listRivals(later).map(([name]) => name),
    ["ghost-1"],
  );
  later.set({ engine: "ghost-1" });
  assert.equal(openPage(remembered, "auto").engine, "ghost-1");
});

test("an engine with noise is run with several seeds at once, one without and a clip are run once", () => {
  const draft = openPage(storage(), "mesh", "flux");
  draft.set({ engine: "flux", seed: 7, versus: "seeds:4" });
  const seeds = (target) => listContestants(draft, target).map(({ options }) => options.seed);
  assert.deepEqual(seeds({}), [7, 8, 9, 10]);
  assert.deepEqual(seeds({ clip: true }), [7]);
  assert.ok(listRivals(draft).some(([value]) => value === "seeds:4"));
  draft.set({ engine: "mesh" });
  assert.deepEqual(seeds({}), [7]);
  assert.ok(!listRivals(draft).some(([value]) => value.startsWith("seeds:")));
});

test("of two presets that are compared each is called by its own name", () => {
  const draft = openPage(storage(), "mesh");
  const shape = { name: "shape", value: 0.7 };
  const presets = new Map(Object.entries({ balanced: {}, likeness: { shape: 1 } }));
  draft.engines = [{ ...engine("mesh"), controls: [shape], presets }];
  draft.set({ versus: "preset:likeness" });
  const labels = listContestants(draft).map(({ label }) => label);
  assert.match(labels[0], /balanced/i);
  assert.match(labels[1], /likeness/i);
});

test("what was written down before an engine could be left open is no choice of *Mesh*, but one of another", () => {
  const before = (name) => storage({ "mien.options": JSON.stringify({ engine: name, restore: 0.4 }) });
  const draft = openPage(before("mesh"), "auto");
  assert.deepEqual([draft.engine, draft.options.restore], ["auto", 0.4]);
  assert.equal(openPage(before("ghost-1"), "auto").engine, "ghost-1");
  const chosen = before("mesh");
  openPage(chosen, "auto").set({ engine: "mesh" });
  assert.equal(openPage(chosen, "auto").engine, "mesh");
});
