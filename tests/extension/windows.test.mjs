// The extension's own windows say what they are for in their address.
import assert from "node:assert/strict";
import { test } from "node:test";

import { openFaces, openPairing, openPermission } from "../../extension/src/windows.js";

function browser() {
  const opened = [];
  const create = async (what) => opened.push(what);
  return { opened, chrome: { windows: { create }, tabs: { create }, runtime: { getURL: (path) => `x://y/${path}` } } };
}

test("a face is chosen for a waiting job, or as the default", async () => {
  const { chrome, opened } = browser();
  await openFaces(chrome, "a b");
  await openFaces(chrome, null);
  assert.deepEqual(
    opened.map(({ url, type }) => [url, type]),
    [
      ["x://y/ui/faces.html?for=a%20b", "popup"],
      ["x://y/ui/faces.html", "popup"],
    ],
  );
});

test("a question for a host names job and host", async () => {
  const { chrome, opened } = browser();
  await openPermission(chrome, "k", "a.test");
  assert.equal(opened[0].url, "x://y/ui/permission.html?for=k&host=a.test");
});

test("pairing is a tab, not a small window", async () => {
  const { chrome, opened } = browser();
  await openPairing(chrome);
  assert.deepEqual(opened, [{ url: "x://y/ui/options.html#pairing" }]);
});
