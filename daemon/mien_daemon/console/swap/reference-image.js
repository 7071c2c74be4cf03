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
  else pictures.lazily(img, pathOf(key));
  return img;
}

/** Where a picture is: one that was sent, a person's first in the library, or another there, "ref:ID/PICTURE". */
function pathOf(key) {
  if (!key.startsWith("ref:")) return previewPath(key, 320);
  const [id, picture] = key.slice("ref:".length).split("/");
  return picture ? `/v1/references/${id}/pictures/${picture}` : `/v1/references/${id}/thumbnail`;
}

/** How many pictures there are of the person; the library's own number counts where it was told. */
export function countPictures({ pictures, count = 1 }) {
  return pictures.reduce((sum, name) => sum + (name.startsWith("ref:") ? count : 1), 0);
}
