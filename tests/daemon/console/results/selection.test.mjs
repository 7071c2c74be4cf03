// Results are chosen one by one, or all between two.
import assert from "node:assert/strict";
import test from "node:test";

import { Selection } from "../../../../daemon/mien_daemon/console/results/selection.js";

const ORDER = ["a", "b", "c", "d", "e"];

test("a range goes from the one that was chosen last, in either direction", () => {
  const selection = new Selection();
  selection.toggle("c");
  selection.extend("e", ORDER);
  assert.deepEqual([...selection.ids], ["c", "d", "e"]);
  selection.extend("b", ORDER);
  assert.deepEqual([...selection.ids].sort(), ["b", "c", "d", "e"]);
});

test("without a beginning a range is the one alone", () => {
  const selection = new Selection();
  selection.extend("d", ORDER);
  assert.deepEqual([...selection.ids], ["d"]);
});

test("what is no longer shown is no longer chosen, and that is told once", () => {
  const selection = new Selection();
  selection.toggle("a");
  selection.toggle("b");
  let told = 0;
  selection.addEventListener("change", () => (told += 1));
  selection.keep(["b", "c"]);
  selection.keep(["b", "c"]);
  assert.deepEqual([[...selection.ids], told], [["b"], 1]);
});
