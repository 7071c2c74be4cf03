// A folder becomes a group of jobs: a full queue is waited for, and a picture that is refused stops nothing.
import assert from "node:assert/strict";
import test from "node:test";

import { Problem } from "../../../../daemon/mien_daemon/console/problem.js";
import { nameGroup, sendFolder } from "../../../../daemon/mien_daemon/console/swap/folder.js";

function folderOf(...names) {
  const files = names.map((name) => ({ name }));
  return { files, group: "g", ask: { reference: "r", options: { priority: "batch" } }, sent: 0, refused: [] };
}

function parts(answers = {}) {
  const posted = [];
  const waited = [];
  const refuse = (name) => {
    const code = answers[name]?.shift();
    if (code) throw new Problem({ code, retry_after_s: 7 });
  };
  return {
    posted,
    waited,
    signal: new AbortController().signal,
    told: () => {},
    wait: async (ms) => void waited.push(ms),
    pictures: { put: async ({ name }) => (refuse(`put ${name}`), `sha256:${name}`) },
    post: async (body) => (refuse(body.target), posted.push(body), { id: body.target }),
  };
}

test("every picture becomes a job of the group", async () => {
  const folder = folderOf("a", "b");
  const given = { ...parts(), references: ["ada.png"] };
  const label = (target) => ({ target, references: ["ada.png"] });
  await sendFolder(folder, given);
  assert.deepEqual(given.posted, [
    { kind: "swap", target: "sha256:a", group: "g", label: label("a"), reference: "r", options: { priority: "batch" } },
    { kind: "swap", target: "sha256:b", group: "g", label: label("b"), reference: "r", options: { priority: "batch" } },
  ]);
  assert.deepEqual([folder.sent, folder.refused], [2, []]);
});

test("a full queue is waited for as long as the daemon says", async () => {
  const folder = folderOf("a");
  const given = parts({ "sha256:a": ["queue-full", "too-many-requests"] });
  await sendFolder(folder, given);
  assert.deepEqual([folder.sent, given.waited], [1, [7000, 7000]]);
});

test("a picture that is refused is named and the next one is sent", async () => {
  const folder = folderOf("a", "b", "c");
  await sendFolder(folder, parts({ "put a": ["image-too-large"], "sha256:b": ["invalid-image"] }));
  assert.deepEqual(
    folder.refused.map(({ name, problem }) => [name, problem.code]),
    [
      ["a", "image-too-large"],
      ["b", "invalid-image"],
    ],
  );
  assert.equal(folder.sent, 1);
});

test("without a daemon or a session nothing is tried further", async () => {
  await assert.rejects(sendFolder(folderOf("a", "b"), parts({ "put a": ["unpaired"] })));
});

test("who stops it sends no further picture", async () => {
  const folder = folderOf("a", "b");
  const stopping = new AbortController();
  await sendFolder(folder, { ...parts(), signal: stopping.signal, told: () => stopping.abort() });
  assert.equal(folder.sent, 1);
});

test("a group is called as the folder, as far as an address takes that, and when it was sent", () => {
  const at = new Date("2026-11-29T10:11:12Z");
  assert.equal(nameGroup("Ferien", at), "Ferien 2026-11-29 10:11:12");
  assert.equal(nameGroup("a/b%c#d\n", at), "a b c d 2026-11-29 10:11:12");
  assert.equal(nameGroup("", at), "folder 2026-11-29 10:11:12");
  assert.ok(nameGroup("x".repeat(500), at).length <= 100);
});
