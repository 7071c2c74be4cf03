// The last way to a picture: what of it can be seen. The result says that it was made from a screenshot.

import { sleep } from "./sleep.js";

const PAUSES_MS = [100, 1000]; // the browser takes two a second, and none of what it is just drawing

/**
 * @param {any} chrome
 * @param {{ windowId: number, frameId: number }} where
 * @param {() => Promise<any>} boxNow  where the picture lies; asked before each try, for a page may be scrolled.
 * @returns {Promise<Uint8Array | null>} PNG; null where the box is not wholly in view or the tab is not shown.
 */
export async function screenshotOf(chrome, { windowId, frameId }, boxNow, pause = sleep) {
  if (frameId !== 0) return null;
  for (let tries = 0; ; tries += 1) {
    const box = await boxNow();
    if (!box?.whole) return null;
    const shot = await chrome.tabs.captureVisibleTab(windowId, { format: "png" }).catch(() => null);
    if (shot) return cutOut(shot, box);
    if (tries === PAUSES_MS.length) return null;
    await pause(PAUSES_MS[tries]);
  }
}

async function cutOut(shot, box) {
  const bitmap = await createImageBitmap(await (await fetch(shot)).blob());
  const scale = bitmap.width / box.viewportWidth;
  const [x, y, width, height] = [box.x, box.y, box.width, box.height].map((length) => Math.round(length * scale));
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d")?.drawImage(bitmap, x, y, width, height, 0, 0, width, height);
  bitmap.close();
  const blob = await canvas.convertToBlob({ type: "image/png" });
  return new Uint8Array(await blob.arrayBuffer());
}
