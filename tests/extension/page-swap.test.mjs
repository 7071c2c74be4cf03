// What a page's script does with a video that plays, where it asks once and what comes next takes the question away;
// and with a picture whose swap is under way.
import assert from "node:assert/strict";
import { test } from "node:test";

class Video {
  paused = false;
  pause() {
    this.paused = true;
  }
  async play() {
    this.paused = false;
  }
}

const plates = [];
const begun = [];
/** @type {any} */
let looked = null;
/** @type {any} */
let hear = null;

class Plate {
  open = true;
  constructor(words) {
    this.words = words;
    plates.push(this);
  }
  remove() {
    this.open = false;
  }
  /** As a person does: the plate goes, then its button acts. */
  press(act) {
    this.remove();
    act();
  }
}

class Swap {
  stopped = 0;
  constructor(id, element, source) {
    Object.assign(this, { id, element, source });
    begun.push(this);
  }
  show() {}
  stop() {
    this.stopped += 1;
  }
  originalSource() {}
  box() {}
}

Object.assign(globalThis, {
  HTMLVideoElement: Video,
  location: { href: "https://example.org/" },
  mienIcons: {},
  mienFinder: {
    find: () => looked,
    lookedAt: () => ({ point: { x: 0, y: 0 } }),
    playsUnder: (element) => element instanceof Video && !element.paused,
  },
  mienSource: { of: () => ({ kind: "frame", url: "" }) },
  mienSay: (_element, words) => new Plate(words),
  MienSwap: Swap,
  chrome: {
    i18n: { getMessage: (key) => key },
    runtime: { id: "mien", sendMessage: async () => {}, onMessage: { addListener: (heard) => (hear = heard) } },
  },
});
await import("../../extension/src/content/page-swap.js");

/** The background's question about what the person pointed at. @returns {Promise<any>} */
function find(element) {
  looked = element;
  return new Promise((resolve) => hear({ do: "find", hint: { pick: "1" } }, { id: "mien" }, resolve));
}

test("a second request takes the question about the frame away, and the video stands still", async () => {
  const video = new Video();
  assert.equal((await find(video)).found, false);
  const plate = plates.at(-1);
  assert.ok(plate.open && video.paused);
  assert.equal((await find(video)).found, true);
  assert.ok(!plate.open && video.paused);
});

test("a video whose question is left plays on, once", async () => {
  const video = new Video();
  await find(video);
  const plate = plates.at(-1);
  plate.press(plate.words.onLeave);
  assert.ok(!video.paused);
  video.pause();
  await find({});
  assert.ok(video.paused, "what the person paused since stays");
});

test("another picture leaves the video to play on", async () => {
  const video = new Video();
  await find(video);
  const plate = plates.at(-1);
  assert.equal((await find({})).found, true);
  assert.ok(!plate.open && !video.paused);
});

test("the frame that was asked about is the one that is swapped", async () => {
  const video = new Video();
  await find(video);
  const plate = plates.at(-1);
  plate.press(plate.words.acts[0].act);
  assert.ok(video.paused);
});

test("another request for a picture stops the swap that it has, and no other", async () => {
  const [picture, other] = [{}, {}];
  for (const element of [other, picture, picture]) await find(element);
  assert.deepEqual(
    begun.slice(-3).map(({ stopped }) => stopped),
    [0, 1, 0],
  );
});
