// What a picture is meant as that is dropped or pasted.
import assert from "node:assert/strict";
import test from "node:test";

globalThis.document ??= /** @type {any} */ ({ createElement: () => ({ append() {}, setAttribute() {} }) });
const { purposeOf, usedBy } = await import("../../../../daemon/mien_daemon/console/swap/drop.js");

const ANN = [{ key: "a" }];
const SHOWN = { faces: [{ index: 0 }] };

test("a drop is what its place says", () => {
  assert.equal(purposeOf({ target: undefined, references: [] }, { zone: "reference" }), "reference");
  assert.equal(purposeOf({ target: SHOWN, references: ANN }, { face: "0", zone: "target" }), "reference");
  assert.equal(purposeOf({ target: SHOWN, references: [] }, { zone: "target" }), "target");
});

test("a person who is only offered takes no pictures", () => {
  assert.deepEqual([usedBy({ references: ANN }, "a"), usedBy({ references: ANN }, "ref:offered")], ["a", undefined]);
});

test("a paste is first the target, then whose face to use, then a further target", () => {
  assert.equal(purposeOf({ target: undefined, references: [] }, null), "target");
  assert.equal(purposeOf({ target: SHOWN, references: [] }, null), "reference");
  assert.equal(purposeOf({ target: SHOWN, references: ANN }, null), "target");
});

test("a paste replaces a target without a face", () => {
  assert.equal(purposeOf({ target: { faces: [] }, references: [] }, null), "target");
});
