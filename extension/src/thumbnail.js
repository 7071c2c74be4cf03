// A small likeness of a picture for the popup, as a data: URL that lives in the session's memory only.

import { toBase64 } from "./bytes.js";

const SIDE_PX = 96;

/** @returns {Promise<string | null>} null for what this browser cannot decode. */
export async function thumbnailOf(blob) {
  try {
    const bitmap = await createImageBitmap(blob);
    const scale = SIDE_PX / Math.max(bitmap.width, bitmap.height);
    const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
    const canvas = new OffscreenCanvas(width, height);
    canvas.getContext("2d")?.drawImage(bitmap, 0, 0, width, height);
    bitmap.close();
    const small = await canvas.convertToBlob({ type: "image/webp", quality: 0.8 });
    return `data:${small.type};base64,${toBase64(new Uint8Array(await small.arrayBuffer()))}`;
  } catch {
    return null;
  }
}
