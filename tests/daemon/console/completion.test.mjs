// The end of a job is told once, by name; of many jobs of a group, and of what a person stopped, nothing is told.
import assert from "node:assert/strict";
import test from "node:test";

globalThis.document ??= /** @type {any} */ ({ createElement: () => ({ setAttribute() {}, append() {} }) });
const { completionWords } = await import("../../../daemon/mien_daemon/console/completion.js");
const { speak } = await import("../../../daemon/mien_daemon/console/words.js");

speak("en", {
  finished_done: "Done: {name}",
  finished_failed: "Failed: {name}. {why}",
  problem_no_face_found: "No face.",
  name_no_face: "A face",
});
const job = (changes) => ({
  kind: "swap",
  state: "done",
  references: [],
  label: { target: "a.jpg" },
  group: null,
  ...changes,
});

test("what is done or has failed is told by its name", () => {
  assert.equal(completionWords(job({}), new Map())?.text, "Done: A face → a.jpg");
  const failed = completionWords(job({ state: "failed", problem: { code: "no-face-found" } }), new Map());
  assert.deepEqual([failed?.kind, failed?.text], ["bad", "Failed: A face → a.jpg. No face."]);
});

test("nothing is told of what goes on, was stopped, or is one of many", () => {
  for (const changes of [{ state: "running" }, { state: "cancelled" }, { group: "g" }, { kind: "analyse" }])
    assert.equal(completionWords(job(changes), new Map()), null);
});
