// The swap that is put together: it survives a reload, and becomes the options of a job.
import assert from "node:assert/strict";
import test from "node:test";

import { requireReadable } from "../../../../daemon/mien_daemon/console/pictures.js";
import { Problem } from "../../../../daemon/mien_daemon/console/problem.js";
import { Draft } from "../../../../daemon/mien_daemon/console/swap/draft.js";
import { readEngine } from "../../../../daemon/mien_daemon/console/swap/engines.js";

const FACES = [
  { index: 0, bbox: [0, 0, 10, 10] },
  { index: 1, bbox: [0, 0, 30, 30] },
];
const MESH = readEngine({
  name: "mesh",
  summary: "",
  state: "ready",
  memory_bytes: 0,
  options: { shape: { type: "number", minimum: 0, maximum: 1, default: 0.7, control: "main" } },
  presets: [],
});
globalThis.URL.createObjectURL ??= () => "blob:x";

function storage(kept = {}) {
  return { kept, getItem: (key) => kept[key] ?? null, setItem: (key, value) => (kept[key] = value) };
}

function draftWith({ faces = FACES, tab = storage(), remembered = storage() } = {}) {
  const get = async () => {
    if (faces instanceof Error) throw faces;
    return { faces };
  };
  return new Draft({ get }, tab, remembered);
}

const pictures = {
  put: async (file) => `sha256:${file.name}`,
  putAll: async (files) => {
    requireReadable(files.length);
    return Promise.all(files.map(pictures.put));
  },
};
const picture = (name) => new File(["x"], name, { type: "image/png" });

test("the largest face gets the first reference, whichever comes first", async () => {
  const draft = draftWith();
  await draft.addTarget(picture("a.png"), pictures);
  await draft.addReference([picture("ada.png")], pictures);
  assert.deepEqual(draft.target.assignments, { 1: "sha256:ada.png" });
  await draft.addTarget(picture("b.png"), pictures);
  assert.deepEqual(draft.target.assignments, { 1: "sha256:ada.png" });
});

test("a picture in which no face can be looked for is kept; one that cannot be sent is a problem", async () => {
  const draft = draftWith({ faces: new Problem({ code: "no-face-found" }) });
  await draft.addTarget(picture("a.png"), pictures);
  assert.deepEqual([draft.target.faces, draft.target.problem], [null, undefined]);
  const put = async () => {
    throw new Problem({ code: "image-too-large" });
  };
  await draft.addTarget(picture("b.png"), { put });
  assert.equal(draft.target.problem.code, "image-too-large");
});

test("after a reload pictures, assignments and settings are there, and faces are looked for again", async () => {
  const [tab, remembered] = [storage(), storage()];
  const before = draftWith({ tab, remembered });
  await before.addReference([picture("ada.png")], pictures);
  await before.addTarget(picture("a.png"), pictures);
  before.set({ seed: 7 });
  const after = draftWith({ tab, remembered });
  assert.deepEqual([after.target.name, after.target.faces, after.options.seed], ["a.png", undefined, 7]);
  assert.deepEqual(after.target.assignments, { 1: "sha256:ada.png" });
  await after.look(after.target);
  assert.equal(after.target.faces.length, 2);
});

test("a reference that is removed is given to no face", async () => {
  const draft = draftWith();
  await draft.addReference([picture("ada.png")], pictures);
  await draft.addTarget(picture("a.png"), pictures);
  draft.removeReference("sha256:ada.png");
  assert.deepEqual([draft.references, draft.target.assignments], [[], {}]);
});

test("a job's options are its engine's controls, as set or by default", () => {
  const draft = draftWith();
  draft.engines = [MESH];
  assert.deepEqual(draft.optionsFor("mesh"), { engine: "mesh", seed: 0, restore: 0, shape: 0.7 });
  draft.set({ "mesh.shape": 0.2, "flux.steps": 4 });
  assert.equal(draft.optionsFor("mesh").shape, 0.2);
  assert.equal("steps" in draft.optionsFor("mesh"), false);
});

test("before the engines are known a job has what was set, and no more", () => {
  const draft = draftWith();
  draft.set({ "mesh.shape": 0.2 });
  assert.deepEqual(draft.optionsFor("mesh"), { engine: "mesh", seed: 0, restore: 0, shape: 0.2 });
});

test("a job that is to be done again brings its picture, faces and settings", () => {
  const draft = draftWith();
  draft.engines = [MESH];
  const options = { engine: "mesh", faces: [0, 1], seed: 3, restore: 0.5, format: "png", shape: 0.4 };
  draft.take({ target: "sha256:t", references: [["ref:a", "sha256:more"], ["ref:b"]], options }, "again");
  assert.deepEqual(draft.target.assignments, { 0: "ref:a", 1: "ref:b" });
  assert.deepEqual(draft.optionsFor("mesh"), { engine: "mesh", seed: 3, restore: 0.5, shape: 0.4 });
  assert.deepEqual(
    draft.references.map((person) => person.pictures),
    [["ref:a", "sha256:more"], ["ref:b"]],
  );
  assert.equal(draft.consented, true);
});

test("pictures that come together are one person, who gets further ones and survives a reload", async () => {
  const tab = storage();
  const draft = draftWith({ tab });
  const key = await draft.addReference([picture("one.png"), picture("two.png")], pictures);
  await draft.addPictures(key, [picture("two.png"), picture("three.png")], pictures);
  const all = ["sha256:one.png", "sha256:two.png", "sha256:three.png"];
  assert.deepEqual([draft.references.length, draft.references[0].pictures], [1, all]);
  assert.deepEqual(draftWith({ tab }).references[0].pictures, all);
});

test("more than twenty pictures of one person are a problem, and nothing is added", async () => {
  const draft = draftWith();
  const many = Array.from({ length: 21 }, (_, number) => picture(`${number}.png`));
  await assert.rejects(draft.addReference(many, pictures), { code: "too-many-pictures" });
  const key = await draft.addReference(many.slice(0, 20), pictures);
  await assert.rejects(draft.addPictures(key, many.slice(20), pictures), { code: "too-many-pictures" });
  assert.equal(draft.references[0].pictures.length, 20);
});
