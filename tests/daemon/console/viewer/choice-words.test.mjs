// A report says in words why its engine was picked, with its figures, and what else was tried.
import assert from "node:assert/strict";
import test from "node:test";

import { choiceWords } from "../../../../daemon/mien_daemon/console/viewer/choice-words.js";
import { speak } from "../../../../daemon/mien_daemon/console/words.js";

speak("en", {
  choice_asked: "{engine} was asked for.",
  choice_best_measured: "{engine} is best.",
  choice_figures: "{likeness}, {naturalness}, {cases} cases.",
  choice_not_measured: "Not measured: {engines}.",
  choice_tried: "Tried: {tried}.",
  tried_not_alike: "unlike",
  tried_passed: "good",
  engine_mesh: "Mesh",
});

const MEASURED = { n: 4, likeness: 0.6, naturalness: 0.775, refused: 0 };

test("the best measured comes with its figures and with those that have none", () => {
  const tried = [{ engine: "mesh", outcome: "passed" }];
  const choice = { engine: "mesh", why: "best-measured", measured: MEASURED, not_measured: ["ghost-1"], tried };
  assert.deepEqual(choiceWords(choice), ["Mesh is best.", "0.60, 0.78, 4 cases.", "Not measured: ghost-1."]);
});

test("of several that were tried each is told with what came of it", () => {
  const tried = [
    { engine: "mesh", outcome: "not-alike" },
    { engine: "ghost-1", outcome: "passed" },
  ];
  const choice = { engine: "ghost-1", why: "asked", measured: null, not_measured: [], tried };
  assert.deepEqual(choiceWords(choice), ["Mesh was asked for.", "Tried: Mesh (unlike), ghost-1 (good)."]);
});
