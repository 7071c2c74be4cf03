// The swap that is put together: it survives a reload, and becomes the options of a job.
import assert from "node:assert/strict";
import test from "node:test";

import { requireReadable } from "../../../../daemon/mien_daemon/console/pictures.js";
import { Problem } from "../../../../daemon/mien_daemon/console/problem.js";
import { addPictures, addReference, answer, letGo } from "../../../../daemon/mien_daemon/console/swap/arrivals.js";
import { Draft } from "../../../../daemon/mien_daemon/console/swap/draft.js";
import { readEngine } from "../../../../daemon/mien_daemon/console/swap/engines.js";

const FACES = [
  { index: 0, bbox: [0, 0, 10, 10], prominent: false },
  { index: 1, bbox: [0, 0, 30, 30], prominent: true },
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
    return { faces, longest_side: 100 };
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
const settled = () => new Promise(setImmediate);
const picture = (name) => new File(["x"], name, { type: "image/png" });

test("the largest face gets the first reference, whichever comes first", async () => {
  const draft = draftWith();
  await draft.addTarget(picture("a.png"), pictures);
  await addReference(draft, [picture("ada.png")], pictures);
  assert.deepEqual(draft.target.assignments, { 1: "sha256:ada.png" });
  await draft.addTarget(picture("b.png"), pictures);
  assert.deepEqual(draft.target.assignments, { 1: "sha256:ada.png" });
});

test("a picture in which no face can be looked for is kept; one that cannot be read does not stay", async () => {
  const draft = draftWith({ faces: new Problem({ code: "model-not-installed" }) });
  await draft.addTarget(picture("a.png"), pictures);
  assert.deepEqual([draft.target.faces, draft.targets.length], [null, 1]);
  const said = [];
  draft.addEventListener("refused", ({ detail }) => said.push([detail.name, detail.problem.code]));
  const put = async () => {
    throw new Problem({ code: "image-too-large" });
  };
  await draft.addTarget(picture("huge.png"), { put });
  const unreadable = draftWith({ faces: new Problem({ code: "invalid-image" }) });
  unreadable.addEventListener("refused", ({ detail }) => said.push([detail.name, detail.problem.code]));
  await unreadable.addTarget(picture("words.txt"), pictures);
  assert.deepEqual(said, [
    ["huge.png", "image-too-large"],
    ["words.txt", "invalid-image"],
  ]);
  assert.deepEqual([draft.target.name, unreadable.targets.length], ["a.png", 0]);
});

test("a target without a face is replaced by the next picture", async () => {
  const draft = draftWith({ faces: [] });
  await draft.addTarget(picture("hills.png"), pictures);
  await draft.addTarget(picture("a.png"), pictures);
  assert.deepEqual([draft.targets.length, draft.target.name], [1, "a.png"]);
});

test("a reference without a face is said, is given to nobody, and is gone when it is put away", async () => {
  const draft = draftWith();
  await draft.addTarget(picture("a.png"), pictures);
  draft.api.get = async () => ({ faces: [], longest_side: 100 });
  const key = await addReference(draft, [picture("hills.png")], pictures);
  await settled();
  assert.deepEqual([draft.people, draft.target.assignments], [[], {}]);
  assert.equal(draft.references[0].refused[0].problem.code, "no-face-found");
  const { url } = draft.references[0].views["sha256:hills.png"];
  assert.equal(await (await fetch(url)).text(), "x");
  letGo(draft, key, "sha256:hills.png");
  await assert.rejects(fetch(url), "the browser need not keep the file");
  assert.deepEqual(draft.references, []);
});

test("of a reference with several people one is chosen, and only that face is used", async () => {
  const two = [{ ...FACES[1] }, { ...FACES[1], index: 2 }];
  const draft = draftWith();
  await draft.addTarget(picture("a.png"), pictures);
  draft.api.get = async () => ({ faces: two, longest_side: 100 });
  const key = await addReference(draft, [picture("party.png")], pictures);
  await settled();
  assert.deepEqual([draft.people.length, draft.references[0].questions[0].faces.length], [0, 2]);
  draft.api.get = async () => ({ faces: [FACES[1]], longest_side: 60 });
  await answer(draft, key, "sha256:party.png", picture("one.png"), pictures);
  await settled();
  assert.deepEqual(draft.people[0].pictures, ["sha256:one.png"]);
  assert.deepEqual(draft.people[0].views["sha256:one.png"].face, { bbox: [0, 0, 30, 30], side: 60 });
  assert.deepEqual(draft.target.assignments, { 1: key });
});

test("a reference that the daemon cannot look at now stays in use", async () => {
  const draft = draftWith({ faces: new Problem({ code: "worker-died" }) });
  await addReference(draft, [picture("ada.png")], pictures);
  await settled();
  assert.deepEqual([draft.people.length, draft.people[0].checking], [1, []]);
});

test("a person who is chosen goes to the face in mind, or is used first while no face is known", async () => {
  const draft = draftWith();
  draft.choose({ key: "ref:a", name: "Ann" });
  draft.choose({ key: "ref:b", name: "Ben" });
  assert.deepEqual(
    draft.people.map(({ key }) => key),
    ["ref:b", "ref:a"],
  );
  await draft.addTarget(picture("a.png"), pictures);
  assert.deepEqual(draft.target.assignments, { 1: "ref:b" });
  draft.give(0, "ref:b");
  draft.choose({ key: "ref:a", name: "Ann" });
  assert.deepEqual(draft.target.assignments, { 0: "ref:a", 1: "ref:b" });
});

test("after a reload pictures, assignments and settings are there, and faces are looked for again", async () => {
  const [tab, remembered] = [storage(), storage()];
  const before = draftWith({ tab, remembered });
  await addReference(before, [picture("ada.png")], pictures);
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
  await addReference(draft, [picture("ada.png")], pictures);
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

test("a run that begins says whose it is: it may be another target's than the shown one's", () => {
  const draft = draftWith();
  draft.targets = ["a", "b"].map((name) => ({ name, digest: `sha256:${name}`, assignments: {} }));
  const begun = [];
  draft.addEventListener("begun", (/** @type {any} */ { detail }) => begun.push(detail));
  draft.startRun(draft.targets[1], []);
  assert.deepEqual(begun, [draft.targets[1]]);
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
  assert.deepEqual(draft.optionsFor("mesh"), { engine: "mesh", seed: 3, restore: 0.5, format: "png", shape: 0.4 });
  assert.deepEqual(
    draft.references.map((person) => person.pictures),
    [["ref:a", "sha256:more"], ["ref:b"]],
  );
  assert.equal(draft.consented, true);
});

test("pictures that come together are one person, who gets further ones and survives a reload", async () => {
  const tab = storage();
  const draft = draftWith({ tab });
  const key = await addReference(draft, [picture("one.png"), picture("two.png")], pictures);
  await addPictures(draft, key, [picture("two.png"), picture("three.png")], pictures);
  const all = ["sha256:one.png", "sha256:two.png", "sha256:three.png"];
  assert.deepEqual([draft.references.length, draft.references[0].pictures], [1, all]);
  assert.deepEqual(draftWith({ tab }).references[0].pictures, all);
});

test("more than twenty pictures of one person are a problem, and nothing is added", async () => {
  const draft = draftWith();
  const many = Array.from({ length: 21 }, (_, number) => picture(`${number}.png`));
  await assert.rejects(addReference(draft, many, pictures), { code: "too-many-pictures" });
  const key = await addReference(draft, many.slice(0, 20), pictures);
  await assert.rejects(addPictures(draft, key, many.slice(20), pictures), { code: "too-many-pictures" });
  assert.equal(draft.references[0].pictures.length, 20);
});
