// A refusal has a sentence in the person's language, and the daemon's own words beneath it.
import assert from "node:assert/strict";
import test from "node:test";

import { detail, Problem, sentence } from "../../../daemon/mien_daemon/console/problem.js";
import { speak } from "../../../daemon/mien_daemon/console/words.js";

speak("en", { problem_disk_full: "The disk is full.", problem_internal_error: "Oh.", incident: "Incident {incident}" });

test("a code that is known has a sentence", () => {
  assert.equal(sentence({ code: "disk-full", detail: "3 MB are free" }), "The disk is full.");
});

test("a code of a later daemon is told in the daemon's own words", () => {
  assert.equal(sentence({ code: "of-the-future", title: "New", detail: "Newer" }), "Newer");
  assert.equal(sentence({ code: "of-the-future", title: "New" }), "New");
  assert.equal(sentence({}), "Oh.");
});

test("beneath it is the daemon's statement, or the number under which its log tells more", () => {
  assert.equal(detail({ code: "disk-full", detail: "3 MB are free" }), "3 MB are free");
  assert.equal(detail({ code: "internal-error", incident: "ab12" }), "Incident ab12");
  assert.equal(detail({ code: "disk-full" }), "");
});

test("a problem can be thrown and keeps its document", () => {
  const problem = new Problem({ code: "disk-full", title: "Full" });
  assert.deepEqual([problem.code, problem.message, problem.document.title], ["disk-full", "Full", "Full"]);
});
