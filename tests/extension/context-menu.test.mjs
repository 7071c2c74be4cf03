// The menu offers what can be done, and a click says which of it was meant.
import assert from "node:assert/strict";
import { test } from "node:test";

import { buildMenu, offerMenu, readRequest } from "../../extension/src/context-menu.js";
import { fakeChrome } from "./fakes.mjs";

test("the menu offers the recent faces, then the choice, the way back and Mien", async () => {
  const made = [];
  const chrome = { ...fakeChrome(), contextMenus: { removeAll: async () => {}, create: (entry) => made.push(entry) } };
  await buildMenu(chrome, { recentReferences: [{ id: "a:b", name: "Tom & Anna" }] });
  assert.deepEqual(
    made.map(({ id }) => id),
    ["swap", "frame"].flatMap((root) => [
      root,
      ...["face:a:b", "line", "choose", "restore", "open"].map((id) => `${root}/${id}`),
    ]),
  );
  assert.equal(made[1].title, "menu_reference Tom && Anna");
  assert.deepEqual(
    made.filter(({ contexts }) => contexts.includes("video")).map(({ parentId }) => parentId ?? "itself"),
    ["itself", ...Array(5).fill("frame")],
  );
  assert.deepEqual(readRequest({ menuItemId: "swap/face:a:b" }), { do: "swap", referenceId: "a:b", ask: false });
  assert.equal(readRequest({ menuItemId: "frame/choose" }).ask, true);
  assert.deepEqual(readRequest({ menuItemId: "swap/restore" }), { do: "restore" });
});

test("Firefox's own menus are used where there are some", async () => {
  const made = [];
  const menus = { removeAll: async () => {}, create: (entry) => made.push(entry) };
  await buildMenu({ ...fakeChrome(), menus, contextMenus: null }, { recentReferences: [] });
  assert.deepEqual(
    made.map(({ id }) => id),
    ["swap", "frame"].flatMap((root) => [root, ...["choose", "restore", "open"].map((id) => `${root}/${id}`)]),
  );
});

test("a menu that is not built yet can be hidden without a complaint", async () => {
  const update = async () => {
    throw new Error("Cannot find menu item with id swap");
  };
  await offerMenu({ contextMenus: { update } }, false);
});
