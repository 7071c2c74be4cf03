// A face so small in its picture that results show little more than its rough shape.
const SMALL_PX = 64; // as wide as the embedded engine asks for

/** @param {{ bbox: number[] } | undefined} face  in pixels of its picture */
export function isSmall(face) {
  return face !== undefined && face.bbox[2] - face.bbox[0] < SMALL_PX;
}

/** Tell when a thumbnail, which shows the head no larger than it is, has come and leaves no room for a larger face. */
export function whenSmall(img, tell) {
  img.addEventListener("load", () => Math.max(img.naturalWidth, img.naturalHeight) < SMALL_PX && tell());
}
