// A result comes to a page's picture as a Blob, or in parts as text where messages are JSON; the overlay stays until
// the browser has read it.
import assert from "node:assert/strict";
import { test } from "node:test";

const drawn = [];
const reading = [];

class Overlay {
  hasFocus = false;
  remove() {
    drawn.push("overlay gone");
  }
}

class Replacement {
  constructor(element, url) {
    drawn.push(`picture ${url}`);
  }
  undo() {
    drawn.push("original");
  }
}

class Mark {
  constructor(overlay, listeners, note) {
    drawn.push(`mark ${note}`);
  }
}

class Picture {
  constructor() {
    reading.push(this);
  }
}

class Video {}

/** @type {Blob[]} */
const made = [];
Object.assign(globalThis, {
  HTMLVideoElement: Video,
  Image: Picture,
  MienOverlay: Overlay,
  MienReplacement: Replacement,
  MienMark: Mark,
});
URL.createObjectURL = (/** @type {any} */ blob) => `blob:${made.push(blob)}`;
await import("../../extension/src/content/swap.js");
const { MienSwap } = /** @type {any} */ (globalThis);

const FACTS = { note: "Anna", size: [2, 1] };
const RESULT = new Blob(["picture"], { type: "image/jpeg" });

function swap() {
  for (const list of [drawn, reading, made]) list.length = 0;
  return new MienSwap("p", {}, null, { tell: () => {}, onEnd: () => {} });
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

async function read() {
  reading[0].onload();
  await turn();
}

test("the mark comes with the picture that the browser has read, not before", async () => {
  const taken = swap().take({ jobKey: "j", result: RESULT, facts: FACTS });
  await turn();
  assert.deepEqual([taken, drawn], [{ shown: true }, ["picture blob:1"]]);
  await read();
  assert.deepEqual(drawn, ["picture blob:1", "mark Anna"]);
});

test("a swap that is undone before the browser has read its result gets no mark", async () => {
  const one = swap();
  one.take({ jobKey: "j", result: RESULT, facts: FACTS });
  one.undo();
  await read();
  assert.deepEqual(drawn, ["picture blob:1", "original", "overlay gone"]);
});

test("a job's result is taken once", async () => {
  const one = swap();
  for (let times = 0; times < 2; times += 1)
    assert.deepEqual(one.take({ jobKey: "j", result: RESULT, facts: FACTS }), { shown: true });
  assert.equal(made.length, 1);
});

test("a message that could not carry the picture is answered so, and the same picture comes as text", async () => {
  const one = swap();
  const order = JSON.parse(JSON.stringify({ jobKey: "j", result: RESULT, facts: FACTS }));
  assert.deepEqual(one.take(order), { shown: false, lost: true });
  const parts = ["pic", "ture"].map((text, part) => ({ part, parts: 2, base64: btoa(text), mediaType: "image/jpeg" }));
  const taken = parts.map((part) => one.take({ jobKey: "j", facts: FACTS, ...part }).shown);
  assert.deepEqual(taken, [false, true]);
  assert.deepEqual([await made[0].text(), made[0].type], ["picture", "image/jpeg"]);
});
