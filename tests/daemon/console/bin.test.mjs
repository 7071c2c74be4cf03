// What is deleted can be taken back for a while; then it is gone, and no crash keeps it.
import assert from "node:assert/strict";
import test from "node:test";

import { Bin } from "../../../daemon/mien_daemon/console/bin.js";
import { JobList } from "../../../daemon/mien_daemon/console/job-list.js";

function room({ refuse = false, kept = "{}" } = {}) {
  const asked = [];
  const stored = new Map([["mien.bin", kept]]);
  const storage = {
    getItem: (key) => stored.get(key) ?? null,
    setItem: (key, value) => stored.set(key, value),
    removeItem: (key) => stored.delete(key),
  };
  const api = {
    post: async (path, { jobs }, { keepalive = false } = {}) => {
      asked.push([path, jobs, keepalive]);
      if (refuse) throw new Error("refused");
    },
  };
  const list = new JobList(/** @type {any} */ (api), new EventTarget());
  for (const id of ["a", "b", "c"]) list.hear({ id, state: "done" });
  const bin = new Bin(/** @type {any} */ (api), list, /** @type {any} */ (storage));
  return { asked, bin, stored, shown: () => list.all.map(({ id }) => id).join("") };
}

test("what is in the bin is off the page, and back when it is taken back", () => {
  const { asked, bin, shown, stored } = room();
  bin.put(["a", "c"]);
  assert.equal(shown(), "b");
  assert.equal(bin.takeBack(), true);
  assert.equal(shown(), "abc");
  assert.equal(bin.takeBack(), false);
  assert.deepEqual([asked, stored.has("mien.bin")], [[], false]);
});

test("each deletion is taken back as a whole, the last one first", () => {
  const { bin, shown } = room();
  bin.put(["a"]);
  bin.put(["b", "c"]);
  bin.takeBack();
  assert.equal(shown(), "bc");
  bin.takeBack();
  assert.equal(shown(), "abc");
});

test("what is emptied is deleted by the daemon and not taken back", async () => {
  const { asked, bin, stored } = room();
  const ids = bin.put(["a", "b"]);
  await bin.empty(ids);
  assert.deepEqual(asked, [["/v1/jobs/delete", ["a", "b"], false]]);
  assert.deepEqual([bin.takeBack(ids), stored.has("mien.bin")], [false, false]);
});

test("what the daemon refuses to delete is on the page again", async () => {
  const { bin, shown } = room({ refuse: true });
  await assert.rejects(bin.empty(bin.put(["a"])), /refused/);
  assert.equal(shown(), "abc");
});

test("a page that is left sends everything at once, in parts that the daemon takes", () => {
  const { asked, bin, stored } = room();
  bin.put(Array.from({ length: 1500 }, (_, at) => `job-${at}`));
  bin.leave();
  assert.deepEqual(
    asked.map(([, jobs, keepalive]) => [jobs.length, keepalive]),
    [
      [1000, true],
      [500, true],
    ],
  );
  assert.ok(stored.has("mien.bin"), "whether it arrived is not known");
});

test("what a page left that ended without a word is deleted by the next, what is fresh is another page's", async () => {
  const kept = JSON.stringify({ a: 0, b: Date.now() + 1e6 });
  const { asked, bin, stored } = room({ kept });
  await bin.sweep();
  assert.deepEqual(asked, [["/v1/jobs/delete", ["a"], false]]);
  assert.deepEqual(Object.keys(JSON.parse(stored.get("mien.bin") ?? "")), ["b"]);
});
