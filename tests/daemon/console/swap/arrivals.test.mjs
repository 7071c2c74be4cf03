// Pictures while they are sent: each is looked at once, and what a person does meanwhile counts.
import assert from "node:assert/strict";
import test from "node:test";

import { addPictures } from "../../../../daemon/mien_daemon/console/swap/arrivals.js";
import { Draft } from "../../../../daemon/mien_daemon/console/swap/draft.js";
import { deferred } from "../deferred.mjs";

const FACES = [{ index: 0, bbox: [0, 0, 10, 10], prominent: true }];
globalThis.URL.createObjectURL ??= () => "blob:x";

function newDraft() {
  const storage = { getItem: () => null, setItem() {} };
  return new Draft({}, storage, storage);
}
const pictures = { putAll: async (files) => files.map(({ name }) => `sha256:${name}`) };
const picture = (name) => new File(["x"], name, { type: "image/png" });

test("a picture is looked at once, whoever shows it while it is sent", async () => {
  const draft = newDraft();
  let looks = 0;
  draft.api.get = async () => ((looks += 1), { faces: FACES, longest_side: 100 });
  const sent = deferred();
  const adding = draft.addTarget(picture("a.png"), { put: () => sent.promise });
  sent.resolve("sha256:a.png");
  await sent.promise;
  await Promise.all([draft.look(draft.target), adding]);
  assert.equal(looks, 1);
});

test("a clip that is trimmed while it is sent is looked at once it is there", async () => {
  const draft = newDraft();
  const posted = [];
  draft.api.post = async (_path, body) => (posted.push(body), { id: "a", state: "done", result: { people: [] } });
  const sent = deferred();
  const adding = draft.addTarget(new File(["x"], "a.webm", { type: "video/webm" }), { put: () => sent.promise });
  await draft.trim(draft.target, { end: 1 });
  sent.resolve("sha256:a.webm");
  await adding;
  assert.deepEqual(posted, [
    { kind: "analyse", target: "sha256:a.webm", options: { to: 1 }, label: { target: "a.webm" } },
  ]);
});

test("a picture for a person who was removed while it was sent brings nobody back", async () => {
  const draft = newDraft();
  draft.useReference({ key: "ref:a", name: "Ann" });
  const adding = addPictures(draft, "ref:a", [picture("more.png")], pictures);
  draft.removeReference("ref:a");
  await adding;
  assert.deepEqual(draft.references, []);
});
