// Of several people in a picture the one that is meant is kept, and nobody else's face.
import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.chrome ??= /** @type {any} */ ({ i18n: { getMessage: (key) => key } });
const { faceChoice, regionAlone } = await import("../../extension/ui/face-choice.js");

const PICTURE = { width: 1000, height: 600 };

test("a face alone is kept with its head and shoulders, inside the picture", () => {
  assert.deepEqual(regionAlone([400, 200, 500, 300], [], PICTURE), [300, 100, 600, 400]);
  assert.deepEqual(regionAlone([0, 0, 100, 100], [], PICTURE), [0, 0, 200, 200]);
});

test("the part ends halfway to a neighbour on every side", () => {
  const one = [400, 200, 500, 300];
  assert.deepEqual(regionAlone(one, [[540, 200, 640, 300]], PICTURE), [300, 100, 520, 400]);
  assert.deepEqual(regionAlone(one, [[300, 200, 360, 300]], PICTURE), [380, 100, 600, 400]);
  assert.deepEqual(regionAlone(one, [[400, 340, 500, 440]], PICTURE), [300, 100, 600, 320]);
  assert.deepEqual(regionAlone(one, [[400, 60, 500, 160]], PICTURE), [300, 180, 600, 400]);
});

test("faces that overlap are parted at the edge of the one that is meant", () => {
  assert.deepEqual(regionAlone([400, 200, 500, 300], [[480, 200, 580, 300]], PICTURE), [300, 100, 500, 400]);
});

/** An element of no page: what hangs in it, and what is heard. */
class Thing {
  children = [];
  removed = false;
  append(...children) {
    this.children.push(...children);
  }
  remove() {
    this.removed = true;
  }
  setAttribute() {}
  getContext() {
    return null;
  }
  addEventListener(_kind, heard) {
    this.press = heard;
  }
}

/** A choice of two people: group, buttons, picture, what was chosen. @param {() => Promise<any>} convertToBlob */
function chooseOfTwo(convertToBlob) {
  const canvas = class extends Thing {
    convertToBlob = convertToBlob;
  };
  Object.assign(globalThis, { document: { createElement: () => new Thing() }, OffscreenCanvas: canvas });
  const picture = { ...PICTURE, closed: 0, close: () => (picture.closed += 1) };
  /** @type {Promise<any>[]} */
  const chosen = [];
  const boxes = /** @type {any} */ ([
    [0, 0, 100, 100],
    [500, 0, 600, 100],
  ]);
  const group = /** @type {any} */ (faceChoice(/** @type {any} */ (picture), boxes, (alone) => chosen.push(alone)));
  return { group, buttons: group.children[1].children, picture, chosen };
}

test("with the first press the choice goes, and with the cut the picture", async () => {
  const { group, buttons, picture, chosen } = chooseOfTwo(async () => "alone");
  buttons[1].press();
  assert.ok(group.removed);
  assert.equal(await chosen[0], "alone");
  assert.equal(picture.closed, 1);
});

test("where nobody can be cut out it is said that the picture shows several", async () => {
  const { buttons, picture, chosen } = chooseOfTwo(() => Promise.reject(new TypeError("no encoder")));
  buttons[0].press();
  await assert.rejects(chosen[0], { code: "several-faces" });
  assert.equal(picture.closed, 1);
});
