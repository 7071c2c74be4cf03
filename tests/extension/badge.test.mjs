// The toolbar button shows how much runs, and that something could not be said elsewhere.
import assert from "node:assert/strict";
import { test } from "node:test";

import { countOnBadge, noteOnBadge } from "../../extension/src/badge.js";
import { Problem } from "../../extension/src/problem.js";
import { fakeChrome } from "./fakes.mjs";

const jobsIn = (...states) => ({ all: async () => states.map((state) => ({ state })) });

test("jobs that are over are not counted, and none is no number", async () => {
  const chrome = fakeChrome();
  await countOnBadge(chrome, jobsIn("running", "queued", "done", "failed", "cancelled"));
  await countOnBadge(chrome, jobsIn("done"));
  const texts = chrome.log.filter(([name]) => name === "badge").map(([, { text }]) => text);
  assert.deepEqual(texts, ["2", ""]);
});

test("a problem without a page is kept for the popup", async () => {
  const chrome = fakeChrome();
  await noteOnBadge(chrome, new Problem("excluded-site", { host: "bank.test" }));
  assert.deepEqual(chrome.storage.session.kept.notice, { code: "excluded-site", fields: { host: "bank.test" } });
  assert.deepEqual(chrome.log.at(-1), ["badge", { text: "!" }]);
});
