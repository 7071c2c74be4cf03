// The extension's own windows say what they are for in their address.
import assert from "node:assert/strict";
import { test } from "node:test";

import { openFace, openFirst, openPairing, openPermission } from "../../extension/src/windows.js";

function browser() {
  const opened = [];
  const create = async (what) => opened.push(what);
  return { opened, chrome: { windows: { create }, tabs: { create }, runtime: { getURL: (path) => `x://y/${path}` } } };
}

test("a face is added for a waiting job, with the camera, or for its own sake", async () => {
  const { chrome, opened } = browser();
  await openFace(chrome, { key: "a b" });
  await openFace(chrome, { camera: true });
  await openFace(chrome);
  assert.deepEqual(
    opened.map(({ url, type }) => [url, type]),
    ["?for=a+b", "?camera=on", ""].map((asked) => [`x://y/ui/face.html${asked}`, "popup"]),
  );
});

test("after the installation the popup is opened, and the options where the browser opens no popup", async () => {
  const { chrome, opened } = browser();
  await openFirst({ ...chrome, action: { openPopup: async () => opened.push("popup") } });
  const openPopup = async () => {
    throw new Error("no window");
  };
  await openFirst({ ...chrome, action: { openPopup } });
  assert.deepEqual(opened, ["popup", { url: "x://y/ui/options.html#pairing" }]);
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
