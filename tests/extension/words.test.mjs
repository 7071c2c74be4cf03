// Problems, progress and the menu in words.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { fakeChrome } from "./fakes.mjs";

const { buildMenu, readRequest } = await import("../../extension/src/context-menu.js");
const { Problem, problemOf, remedyFor, wordsFor } = await import("../../extension/src/problem.js");
const { progressOf } = await import("../../extension/src/progress.js");
const { DEFAULTS, Settings } = await import("../../extension/src/settings.js");

const EXTENSION = fileURLToPath(new URL("../../extension/", import.meta.url));
const english = JSON.parse(readFileSync(join(EXTENSION, "_locales/en/messages.json"), "utf8"));

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

test("progress says the stage, the time left only when it is worth saying, and no fraction that nobody knows", () => {
  const { i18n } = fakeChrome();
  const running = { state: "running", stage: "generate", progress: 0.4, etaS: 12.3 };
  assert.deepEqual(progressOf(running, i18n), { words: "stage_generate", left: "seconds_left 12", fraction: 0.4 });
  assert.equal(progressOf({ ...running, etaS: 0.4 }, i18n).left, "");
  assert.equal(progressOf({ ...running, etaS: 200 }, i18n).left, "minutes_left 4");
  assert.equal(progressOf({ ...running, stage: "from-the-future" }, i18n).words, "stage_running");
  for (const state of ["choosing", "sending", "queued", "waiting"])
    assert.equal(progressOf({ state }, i18n).fraction, null);
});

test("the menu offers the recent faces, then the choice, the way back and Mien", async () => {
  const made = [];
  const chrome = { ...fakeChrome(), contextMenus: { removeAll: async () => {}, create: (entry) => made.push(entry) } };
  await buildMenu(chrome, { recentReferences: [{ id: "a:b", name: "Tom & Anna" }] });
  assert.deepEqual(
    made.map(({ id }) => id),
    ["swap", "swap:a:b", "line", "choose", "restore", "open"],
  );
  assert.equal(made[1].title, "menu_reference Tom && Anna");
  assert.deepEqual(readRequest({ menuItemId: "swap:a:b" }), { do: "swap", referenceId: "a:b", ask: false });
  assert.equal(readRequest({ menuItemId: "choose" }).ask, true);
  assert.deepEqual(readRequest({ menuItemId: "restore" }), { do: "restore" });
});

test("settings have defaults, refuse unknown names and keep the last four references", async () => {
  const settings = new Settings(fakeChrome());
  assert.deepEqual(await settings.all(), DEFAULTS);
  await assert.rejects(settings.change({ colour: "red" }), TypeError);
  for (const id of ["a", "b", "c", "d", "e", "b"]) await settings.choose({ id, name: id });
  const { reference, recentReferences } = await settings.all();
  assert.equal(reference.id, "b");
  assert.deepEqual(
    recentReferences.map(({ id }) => id),
    ["b", "e", "d", "c"],
  );
});

test("references that are gone are forgotten and renamed ones get their new name", async () => {
  const settings = new Settings(fakeChrome());
  for (const id of ["a", "b"]) await settings.choose({ id, name: id });
  await settings.reconcile([{ id: "a", name: "Anna" }]);
  const { reference, recentReferences } = await settings.all();
  assert.equal(reference, null);
  assert.deepEqual(recentReferences, [{ id: "a", name: "Anna" }]);
});
