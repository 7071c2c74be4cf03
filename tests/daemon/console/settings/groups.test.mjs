// Every setting stands under the heading where a person looks for it.
import assert from "node:assert/strict";
import { test } from "node:test";

import { inGroups } from "../../../../daemon/mien_daemon/console/settings/groups.js";

const grouped = (...names) =>
  inGroups(names.map((name) => ({ name }))).map(([group, some]) => [group, ...some.map(({ name }) => name)]);

test("settings are parted by what they are for, and each part has an order", () => {
  assert.deepEqual(grouped("port", "openai_door", "devices", "offline", "notify_failed", "paused"), [
    ["daemon", "paused", "offline"],
    ["notifications", "notify_failed"],
    ["programs", "openai_door"],
    ["limits", "devices", "port"],
  ]);
});

test("a setting that this page has not heard of has a place, and a heading without settings is away", () => {
  assert.deepEqual(grouped("something_new", "port"), [["limits", "something_new", "port"]]);
});
