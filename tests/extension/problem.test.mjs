// A problem has a code, a sentence and at most one thing to do.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { messageKey, Problem, problemOf, remedyFor, wordsFor } from "../../extension/src/problem.js";

const MESSAGES = fileURLToPath(new URL("../../extension/_locales/en/messages.json", import.meta.url));
const english = JSON.parse(readFileSync(MESSAGES, "utf8"));
const problems = Object.keys(english).filter((key) => key.startsWith("problem_"));

test("a remedy is offered where there is one, and its button has words", () => {
  assert.equal(remedyFor(new Problem("unpaired")), "pair");
  assert.equal(remedyFor(new Problem("content-blocked")), null);
  assert.equal(remedyFor(new Problem("no-face-found", { role: "target" })), null);
  assert.equal(remedyFor(new Problem("no-face-found", { role: "reference" })), "faces");
  for (const key of problems) {
    const remedy = remedyFor(new Problem(key.replace("problem_", "").replaceAll("_", "-")));
    assert.ok(remedy === null || `remedy_${remedy}` in english, key);
  }
});

test("a code from the future still gets a sentence, and a thrown oddity is an internal error", () => {
  const i18n = { getMessage: (key, words) => (key === "problem_other" ? `other ${words}` : "") };
  assert.equal(wordsFor(new Problem("from-the-future"), i18n), "other from-the-future");
  assert.equal(problemOf(new TypeError("x")).code, "internal-error");
});

test("a problem that is stored or shown carries nothing but what its sentence needs", () => {
  const problem = Problem.from({ code: "no-face-found", role: "target", detail: "secret", path: "/home/x" });
  assert.deepEqual(JSON.parse(JSON.stringify(problem)), { code: "no-face-found", fields: { role: "target" } });
});

test("whose picture lacks a face decides the sentence", () => {
  assert.equal(messageKey(new Problem("no-face-found", { role: "target" })), "problem_no_face_found");
  assert.equal(messageKey(new Problem("no-face-found", { role: "reference" })), "problem_no_face_found_reference");
});
