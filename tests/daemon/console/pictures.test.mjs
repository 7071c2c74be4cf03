// Pictures are sent under their own hash, fetched once, and few at a time.
import assert from "node:assert/strict";
import test from "node:test";

import { filesDropped, filesIn, Pictures } from "../../../daemon/mien_daemon/console/pictures.js";

globalThis.IntersectionObserver ??= class {
  observe() {}
  unobserve() {}
};

test("a file is sent under the hash of its bytes", async () => {
  const sent = [];
  const pictures = new Pictures({ send: async (path, init) => sent.push([path, init.method]) });
  const name = await pictures.put(new File(["abc"], "a.png"));
  assert.equal(name, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  assert.deepEqual(sent, [[`/v1/blobs/${name}`, "PUT"]]);
});

test("a picture is fetched once, and again after a failure", async () => {
  let asked = 0;
  const blob = async () => {
    asked += 1;
    if (asked === 1) throw new TypeError("Failed to fetch");
    return new Blob(["x"]);
  };
  const pictures = new Pictures({ blob });
  await assert.rejects(pictures.url("/a"));
  const url = await pictures.url("/a");
  assert.equal(await pictures.url("/a"), url);
  assert.equal(asked, 2);
  URL.revokeObjectURL(url);
});

test("a picture that was forgotten is fetched anew, and no other", async () => {
  const asked = [];
  const pictures = new Pictures({ blob: async (path) => (asked.push(path), new Blob(["x"])) });
  const paths = ["/v1/references/a/thumbnail", "/v1/references/ab/thumbnail"];
  for (const path of paths) await pictures.url(path);
  pictures.forget("/v1/references/a/");
  for (const path of paths) URL.revokeObjectURL(await pictures.url(path));
  assert.deepEqual(asked, [...paths, paths[0]]);
});

test("four are fetched at once and the others wait their turn", async () => {
  const waiting = [];
  const blob = () => new Promise((resolve) => waiting.push(() => resolve(new Blob(["x"]))));
  const pictures = new Pictures({ blob });
  const urls = ["/1", "/2", "/3", "/4", "/5"].map((path) => pictures.url(path));
  assert.equal(waiting.length, 4);
  waiting[0]();
  await urls[0];
  await new Promise(setImmediate);
  assert.equal(waiting.length, 5);
  for (const finish of waiting) finish();
  for (const url of await Promise.all(urls)) URL.revokeObjectURL(url);
});

test("there is rest when the last that waited is there, and not between two", async () => {
  const waiting = [];
  const blob = () => new Promise((resolve) => waiting.push(() => resolve(new Blob(["x"]))));
  const pictures = new Pictures({ blob });
  await pictures.rest();
  const urls = ["/1", "/2", "/3", "/4", "/5"].map((path) => pictures.url(path));
  let rests = false;
  const rest = pictures.rest().then(() => (rests = true));
  for (const finish of waiting.slice(0, 4)) finish();
  await Promise.all(urls.slice(0, 4));
  await new Promise(setImmediate);
  assert.equal(rests, false);
  waiting[4]();
  await rest;
  for (const url of await Promise.all(urls)) URL.revokeObjectURL(url);
});

test("pictures are known by their type, or by the name where browsers have no type for them", () => {
  const files = [
    ["a.png", "image/png"],
    ["b.HEIC", ""],
    ["c.txt", "text/plain"],
    ["d.tif", ""],
  ];
  const transfer = { files: files.map(([name, type]) => ({ name, type })) };
  assert.deepEqual(
    filesIn(transfer).map(({ name }) => name),
    ["a.png", "b.HEIC", "d.tif"],
  );
  assert.deepEqual(filesIn(null), []);
});

function entry(name, type = "image/png") {
  return { name, isFile: true, isDirectory: false, file: (resolve) => resolve(new File(["x"], name, { type })) };
}

/** A folder as a browser tells it: a few entries at a time, and none at the end. */
function folder(...batches) {
  const readEntries = (resolve) => resolve(batches.shift() ?? []);
  return { isDirectory: true, createReader: () => ({ readEntries }) };
}

test("the pictures of a dropped folder are taken in order, without hidden files and the folders in it", async () => {
  const inner = { name: "older", isFile: false, isDirectory: true };
  const dropped = folder([entry("b.png"), inner, entry(".c.png")], [entry("a.png"), entry("notes.txt", "text/plain")]);
  const loose = new File(["x"], "loose.png", { type: "image/png" });
  const items = [{ webkitGetAsEntry: () => dropped }, {}];
  const files = await filesDropped({ files: [loose], items });
  assert.deepEqual(
    files.map(({ name }) => name),
    ["loose.png", "a.png", "b.png"],
  );
});

test("more than twenty pictures of one person are refused before any is sent", async () => {
  const sent = [];
  const all = new Pictures({ send: async (path) => sent.push(path) });
  const many = Array.from({ length: 21 }, (_, number) => new File(["x"], `${number}.png`));
  await assert.rejects(all.putAll(many), { code: "too-many-pictures" });
  assert.deepEqual(sent, []);
});
