// A reference face as a small picture, wherever it comes from.
import { h } from "../element.js";
import { faceCrop } from "./face-crop.js";
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

/**
 * A person's face in a window of its own: where the daemon found it in their first picture.
 * @param {{ pictures: import("../pictures.js").Pictures }} app
 * @param {import("./person.js").Person} who
 */
export function personImage(app, { key, pictures, views }) {
  const [first = key] = pictures;
  const { url, face } = views[first] ?? {};
  return face ? cropOf(app, { picture: first, url }, face) : faceCrop(referenceImage(app, { key: first, url }), null);
}

/** Changes when `personImage` would show something else. */
export function viewKey({ key, pictures, views }) {
  return JSON.stringify([key, pictures[0], views[pictures[0]]?.face]);
}

/** A face of a picture that was sent. */
export function cropOf(app, sent, face) {
  return faceCrop(pictureOf(app, sent), face);
}

/** A picture that was sent: what the browser cannot show itself comes as the daemon's preview. */
export function pictureOf({ pictures }, { picture, url }) {
  const img = h("img", { alt: "" });
  const preview = () => pictures.lazily(img, previewPath(picture, 1024)); // a face may be a small part of it
  img.addEventListener("error", preview, { once: true });
  if (url) img.src = url;
  else preview();
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
