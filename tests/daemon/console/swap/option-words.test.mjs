// Engines, options and values have words, or keep their own names.
import assert from "node:assert/strict";
import test from "node:test";

import {
  engineSummary,
  engineWords,
  optionHint,
  optionName,
  optionWords,
  presetWords,
} from "../../../../daemon/mien_daemon/console/swap/option-words.js";
import { speak } from "../../../../daemon/mien_daemon/console/words.js";

speak("en", {
  engine_mesh: "Mesh",
  engine_simswap_256_hint: "In this language.",
  preset_quick: "Quick",
  faces_all: "all",
  seed: "Seed",
  option_shape: "Face shape",
  option_shape_hint: "How far.",
  option_gaze_target: "Keep it",
  clip_from: "From",
  clip_to: "To",
});

test("what has words is said in them", () => {
  assert.deepEqual(
    [engineWords("mesh"), presetWords("quick"), optionName("shape"), optionName("seed")],
    ["Mesh", "Quick", "Face shape", "Seed"],
  );
  assert.equal(optionWords("gaze", "target"), "Keep it");
  assert.equal(optionHint({ name: "shape", hint: "of the schema" }), "How far.");
});

test("the part of a clip is told in words, as players write a moment", () => {
  assert.deepEqual([optionName("from"), optionName("to")], ["From", "To"]);
  assert.equal(optionWords("to", 1.5), "0:01.5");
});

test("what another package brought keeps its name, and its schema describes it", () => {
  assert.deepEqual([engineWords("other"), presetWords("wild"), optionName("fuzz")], ["other", "wild", "fuzz"]);
  assert.equal(optionWords("fuzz", 0.5), "0.5");
  assert.equal(optionHint({ name: "fuzz", hint: "of the schema" }), "of the schema");
});

test("an engine is described in the person's language, or as it does itself", () => {
  const summaries = ["simswap-256", "other"].map((name) => engineSummary({ name, summary: "its own" }));
  assert.deepEqual(summaries, ["In this language.", "its own"]);
});

test("faces are counted from one", () => {
  assert.equal(optionWords("faces", [0, 2]), "1, 3");
  assert.equal(optionWords("faces", "all"), "all");
});
