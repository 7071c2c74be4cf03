// The last way to a picture: what of it can be seen. The result says that it was made from a screenshot.

/** @returns {Promise<Uint8Array | null>} PNG; null where the box is not wholly in view or the tab is not shown. */
export async function screenshotOf(chrome, { windowId, frameId }, box) {
  if (frameId !== 0 || !box?.whole) return null;
  let shot;
  try {
    shot = await chrome.tabs.captureVisibleTab(windowId, { format: "png" });
  } catch {
    return null;
  }
  const bitmap = await createImageBitmap(await (await fetch(shot)).blob());
  const scale = bitmap.width / box.viewportWidth;
  const [x, y, width, height] = [box.x, box.y, box.width, box.height].map((length) => Math.round(length * scale));
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d")?.drawImage(bitmap, x, y, width, height, 0, 0, width, height);
  bitmap.close();
  const blob = await canvas.convertToBlob({ type: "image/png" });
  return new Uint8Array(await blob.arrayBuffer());
}
