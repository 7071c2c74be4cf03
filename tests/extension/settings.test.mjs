// Settings are kept, have defaults and forget what is gone.
import assert from "node:assert/strict";
import { test } from "node:test";

import { DEFAULTS, Settings } from "../../extension/src/settings.js";
import { fakeChrome } from "./fakes.mjs";

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
