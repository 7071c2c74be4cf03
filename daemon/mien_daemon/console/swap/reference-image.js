// A reference face as a small picture, wherever it comes from.
import { h } from "../element.js";
import { previewPath } from "./target-picture.js";

/**
 * @param {{ pictures: import("../pictures.js").Pictures }} app
 * @param {{ key: string, url?: string | null }} reference
 */
export function referenceImage({ pictures }, { key, url }) {
  const img = h("img", { alt: "" });
  if (url) img.src = url;
  else
    pictures.lazily(img, key.startsWith("ref:") ? `/v1/references/${key.slice(4)}/thumbnail` : previewPath(key, 320));
  return img;
}
