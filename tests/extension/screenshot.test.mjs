// What of a picture can be seen is taken, and asked for again where the browser refuses for a moment.
import assert from "node:assert/strict";
import { test } from "node:test";

import { screenshotOf } from "../../extension/src/screenshot.js";

const WHERE = { windowId: 1, frameId: 0 };
const BOX = { x: 10, y: 20, width: 30, height: 40, viewportWidth: 100, whole: true };

/** A browser that refuses so many times; what was drawn, and how long it was waited for. */
function browserThatRefuses(times) {
  let refusals = 0;
  const drawn = [];
  const pauses = [];
  const captureVisibleTab = async () => {
    refusals += 1;
    if (refusals <= times) throw new Error("Failed to capture tab: image readback failed");
    return "data:image/png;base64,AQID";
  };
  Object.assign(globalThis, {
    createImageBitmap: async () => ({ width: 200, close() {} }),
    OffscreenCanvas: class {
      getContext = () => ({ drawImage: (_bitmap, ...place) => drawn.push(place) });
      convertToBlob = async () => new Blob(["png"]);
    },
  });
  const pause = async (milliseconds) => pauses.push(milliseconds);
  return { chrome: { tabs: { captureVisibleTab } }, drawn, pauses, pause };
}

test("the part that the picture fills is cut out, at the screen's own density", async () => {
  const { chrome, drawn } = browserThatRefuses(0);
  assert.equal((await screenshotOf(chrome, WHERE, async () => BOX)).length, 3);
  assert.deepEqual(drawn, [[20, 40, 60, 80, 0, 0, 60, 80]]);
});

test("a browser that refuses for a moment is asked again, for where the picture lies by then", async () => {
  const { chrome, drawn, pauses, pause } = browserThatRefuses(2);
  const places = [BOX, BOX, { ...BOX, y: 0 }];
  assert.ok(await screenshotOf(chrome, WHERE, async () => places.shift(), pause));
  assert.deepEqual([drawn[0][1], pauses.length], [0, 2]);
});

test("there is none where the browser gives none, in a frame, and of what is not wholly in view", async () => {
  const { chrome, pause } = browserThatRefuses(Infinity);
  assert.equal(await screenshotOf(chrome, WHERE, async () => BOX, pause), null);
  const willing = browserThatRefuses(0).chrome;
  assert.equal(await screenshotOf(willing, { ...WHERE, frameId: 2 }, async () => BOX), null);
  assert.equal(await screenshotOf(willing, WHERE, async () => ({ ...BOX, whole: false })), null);
  assert.equal(await screenshotOf(willing, WHERE, async () => undefined), null);
});
