// The picture of a pairing shows the same number on both sides, and is for the eye alone.
import assert from "node:assert/strict";
import { test } from "node:test";

/** @type {any[]} */
const made = [];
Object.assign(globalThis, {
  document: {
    createElementNS: (_space, name) => {
      const attributes = new Map();
      const setAttribute = (key, value) => attributes.set(key, value);
      const element = { name, attributes, setAttribute, append: () => {}, textContent: "" };
      made.push(element);
      return element;
    },
  },
});
const { pairingPicture } = await import("../../extension/ui/pairing-picture.js");

test("both sides show the same number, and a screen reader is told nothing of it", () => {
  /** @type {any} */
  const picture = pairingPicture();
  assert.equal(picture.attributes.get("aria-hidden"), "true");
  const numbers = made.filter(({ name }) => name === "text").map(({ textContent }) => textContent);
  assert.equal(numbers.length, 2);
  assert.equal(numbers[0], numbers[1]);
  assert.match(numbers[0], /^\d{3} \d{3}$/);
});
