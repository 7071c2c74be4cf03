// A face cut out of a picture: for the eye by moving the picture behind a window, and as a picture of its own.
import { h, setVars } from "../element.js";

const SHOWN = 0.9; // of the face's longer side, from its middle: the head with its hair
const CUT = 1.5; // the same of a picture that becomes a reference: more than any engine sees of one

/**
 * A window on `img`, at the face where one is given, else at all of the picture.
 * @param {HTMLImageElement} img
 * @param {{ bbox: number[], side?: number } | null | undefined} face
 */
export function faceCrop(img, face, reach = SHOWN) {
  if (face) {
    const place = () => setVars(img, placeOf(face, [img.naturalWidth, img.naturalHeight], reach));
    if (img.complete && img.naturalWidth) place();
    img.addEventListener("load", place);
  }
  return h("span", { class: "face-crop", "data-whole": face ? null : "" }, img);
}

/**
 * How large the picture is, and where, in windows: `side` is the longest of the picture that the face was found in.
 * @param {{ bbox: number[], side?: number }} face
 * @param {number[]} size
 */
export function placeOf({ bbox, side }, [width, height], reach = SHOWN) {
  const scale = side ? side / Math.max(width, height) : 1;
  const [left, top, right] = square(bbox, reach);
  const shown = right - left;
  return { zoom: (width * scale) / shown, x: -left / shown, y: -top / shown };
}

/** @param {number[]} bbox @param {number} reach */
function square(bbox, reach) {
  const [x1, y1, x2, y2] = bbox;
  const half = reach * Math.max(x2 - x1, y2 - y1);
  const [x, y] = [(x1 + x2) / 2, (y1 + y2) / 2];
  return [x - half, y - half, x + half, y + half];
}

/** The part of a picture that shows this face and no other: [left, top, right, bottom] in whole pixels. */
export function regionOf(face, others, [width, height]) {
  let [left, top, right, bottom] = square(face.bbox, CUT);
  const [x1, y1, x2, y2] = face.bbox;
  for (const { bbox: other } of others) {
    const gaps = [other[0] - x2, x1 - other[2], other[1] - y2, y1 - other[3]]; // right of it, left, below, above
    const widest = Math.max(...gaps);
    const border = Math.max(0, widest) / 2;
    if (widest === gaps[0]) right = Math.min(right, x2 + border);
    else if (widest === gaps[1]) left = Math.max(left, x1 - border);
    else if (widest === gaps[2]) bottom = Math.min(bottom, y2 + border);
    else top = Math.max(top, y1 - border);
  }
  return [
    Math.max(0, Math.floor(left)),
    Math.max(0, Math.floor(top)),
    Math.min(width, Math.ceil(right)),
    Math.min(height, Math.ceil(bottom)),
  ];
}

/** A file of that face alone, from a picture that the browser shows at `url`. */
export async function cutOut({ url, name, faces, side }, face) {
  const img = new Image();
  img.src = url;
  await img.decode();
  const scale = Math.max(img.naturalWidth, img.naturalHeight) / side;
  const scaled = (each) => ({ bbox: each.bbox.map((edge) => edge * scale) });
  const others = faces.filter((other) => other !== face).map(scaled);
  return cut(img, regionOf(scaled(face), others, [img.naturalWidth, img.naturalHeight]), name);
}

/**
 * A file of one region, [left, top, right, bottom], of the picture that the browser shows at `url`.
 * @param {string} url @param {number[]} region @param {string} name
 */
export async function cutRegion(url, region, name) {
  const img = new Image();
  img.src = url;
  await img.decode();
  return cut(img, region, name);
}

async function cut(img, region, name) {
  const [left, top, right, bottom] = region;
  const canvas = new OffscreenCanvas(right - left, bottom - top);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.drawImage(img, left, top, right - left, bottom - top, 0, 0, right - left, bottom - top);
  return new File([await canvas.convertToBlob({ type: "image/png" })], name, { type: "image/png" });
}
