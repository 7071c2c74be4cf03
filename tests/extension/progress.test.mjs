// Progress says the stage, and the time left where it is worth saying.
import assert from "node:assert/strict";
import { test } from "node:test";

import { progressOf } from "../../extension/src/progress.js";
import { fakeChrome } from "./fakes.mjs";

test("progress says the stage, the time left only when it is worth saying, and no fraction that is not known", () => {
  const known = fakeChrome().i18n;
  const i18n = { getMessage: (key, words) => (key.endsWith("_future") ? "" : known.getMessage(key, words)) };
  const running = { state: "running", stage: "generate", progress: 0.4, etaS: 12.3 };
  assert.deepEqual(progressOf(running, i18n), { words: "stage_generate", left: "seconds_left 12", fraction: 0.4 });
  assert.equal(progressOf({ ...running, etaS: 0.4 }, i18n).left, "");
  assert.equal(progressOf({ ...running, etaS: 200 }, i18n).left, "minutes_left 4");
  assert.equal(progressOf({ ...running, stage: "from-the-future" }, i18n).words, "stage_running");
  for (const state of ["choosing", "sending", "queued", "waiting"])
    assert.equal(progressOf({ state }, i18n).fraction, null);
});

test("a stage of two words has a sentence of its own", () => {
  const { i18n } = fakeChrome();
  assert.equal(progressOf({ state: "running", stage: "check-result" }, i18n).words, "stage_check_result");
});

test("while the browser asks, the host is named", () => {
  const { i18n } = fakeChrome();
  assert.equal(progressOf({ state: "asking", host: "cdn.test" }, i18n).left, "stage_asking_hint cdn.test");
});
