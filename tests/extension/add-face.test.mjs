// The form that adds a face promises: the picture that came last is the one that is kept.
import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.chrome ??= /** @type {any} */ ({ i18n: { getMessage: (key) => key } });
globalThis.URL.createObjectURL ??= () => "blob:x";
const { showAddFace } = await import("../../extension/ui/add-face.js");

/** An element of no page. */
class Thing {
  /** @type {any[]} */
  children = [];
  /** @type {any} */
  parent = null;
  elements = { namedItem: () => ({ select() {} }) };
  append(...children) {
    for (const child of children) if (child instanceof Thing) child.parent = this;
    this.children.push(...children);
  }
  replaceChildren(...children) {
    this.children = [];
    this.append(...children);
  }
  remove() {
    this.parent.children = this.parent.children.filter((child) => child !== this);
  }
  *all() {
    for (const child of this.children) if (child instanceof Thing) yield* [child, ...child.all()];
  }
  querySelector(selector) {
    const names = selector.split(", ").map((name) => name.slice(1));
    return [...this.all()].find((each) => names.includes(/** @type {any} */ (each).className)) ?? null;
  }
  setAttribute() {}
  addEventListener() {}
}

/** The form on a page, and a daemon whose answers about faces come when the test says so, by the picture's size. */
function formOnPage() {
  const box = new Thing();
  const byId = (id) => [...box.all()].find((each) => /** @type {any} */ (each).id === id);
  Object.assign(globalThis, {
    document: { createElement: () => new Thing(), getElementById: byId, addEventListener() {} },
  });
  const answers = new Map();
  const daemon = {
    putBlob: async (bytes) => bytes.length,
    facesIn: (blob) => new Promise((resolve, reject) => answers.set(blob, { resolve, reject })),
  };
  const connection = { proved: async () => daemon };
  const parts = { connection, onAdded() {}, onCamera() {} };
  const { take } = showAddFace(/** @type {any} */ (box), parts);
  const asked = async (size) => {
    while (!answers.has(size)) await new Promise(setImmediate);
    return answers.get(size);
  };
  const shown = () => [...box.all()].filter((each) => /** @type {any} */ (each).className === "consent").length;
  return { take, asked, shown, byId };
}

const FOUND = { faces: [{ bbox: [0, 0, 9, 9] }], longest_side: 9 };

test("of two pictures that come one after the other the second is shown, whichever answer comes first", async () => {
  const { take, asked, shown, byId } = formOnPage();
  const [first, second] = [take(new Blob(["1"])), take(new Blob(["22"]))];
  (await asked(2)).resolve(FOUND);
  await second;
  (await asked(1)).resolve(FOUND);
  await first;
  assert.equal(shown(), 1);
  assert.equal(byId("looking").textContent, "");
});

test("what was wrong with the first picture is not said of the second", async () => {
  const { take, asked, shown, byId } = formOnPage();
  const [first, second] = [take(new Blob(["1"])), take(new Blob(["22"]))];
  (await asked(1)).resolve({ faces: [], longest_side: 9 });
  await first;
  assert.equal(byId("looking").textContent, "face_checking");
  (await asked(2)).resolve(FOUND);
  await second;
  assert.equal(byId("face-notice").hidden, true);
  assert.equal(shown(), 1);
});
