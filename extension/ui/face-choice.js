// Several people in the picture of a face that is added: a round crop of each, and the one that is meant cut out alone.

import { Problem } from "../src/problem.js";
import { make, say } from "./parts.js";

const SEEN = 0.9; // of a face's longer side, from its middle: the head with its hair
const KEPT = 1.5; // the same of the picture that is kept
const SIDE_PX = 112;
/** @typedef {[number, number, number, number]} Box  left, top, right, bottom in pixels */

/**
 * A group of buttons, one a person.
 * @param {ImageBitmap} picture  upright, at its own size
 * @param {Box[]} boxes  of the faces, in its own pixels
 * @param {(alone: Promise<Blob>) => any} onChoose  hears, once, of the picture that shows the chosen one and nobody
 *   else; it fails with `several-faces` where the browser cannot cut it out.
 */
export function faceChoice(picture, boxes, onChoose) {
  const people = make("div", { className: "people" });
  const group = make("div", { className: "several" }, make("p", {}, say("face_several")), people);
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", say("face_several"));
  boxes.forEach((box, at) => {
    const button = make("button", { type: "button", className: "person" }, roundCrop(picture, squareAround(box, SEEN)));
    button.setAttribute("aria-label", say("face_person", String(at + 1)));
    const others = boxes.filter((other) => other !== box);
    button.addEventListener("click", () => {
      group.remove();
      onChoose(cutOut(picture, regionAlone(box, others, picture)).finally(() => picture.close()));
    });
    people.append(button);
  });
  return group;
}

/** @param {Box} box @param {number} reach @returns {Box} */
function squareAround([left, top, right, bottom], reach) {
  const half = reach * Math.max(right - left, bottom - top);
  const [x, y] = [(left + right) / 2, (top + bottom) / 2];
  return [x - half, y - half, x + half, y + half];
}

/**
 * The part of a picture round one face that ends halfway to each of the others, in whole pixels.
 * @param {Box} box
 * @param {Box[]} others
 * @param {{ width: number, height: number }} picture
 * @returns {Box}
 */
export function regionAlone(box, others, { width, height }) {
  const region = squareAround(box, KEPT);
  for (const other of others) {
    const gaps = [box[0] - other[2], box[1] - other[3], other[0] - box[2], other[1] - box[3]];
    const edge = gaps.indexOf(Math.max(...gaps)); // the side on which it is farthest away
    const halfway = box[edge] + (edge < 2 ? -1 : 1) * (Math.max(0, gaps[edge]) / 2);
    region[edge] = edge < 2 ? Math.max(region[edge], halfway) : Math.min(region[edge], halfway);
  }
  const [left, top, right, bottom] = region;
  return [
    Math.max(0, Math.floor(left)),
    Math.max(0, Math.floor(top)),
    Math.min(width, Math.ceil(right)),
    Math.min(height, Math.ceil(bottom)),
  ];
}

/** @param {ImageBitmap} picture @param {Box} square */
function roundCrop(picture, [left, top, right]) {
  const canvas = make("canvas", { width: SIDE_PX, height: SIDE_PX });
  canvas.getContext("2d")?.drawImage(picture, left, top, right - left, right - left, 0, 0, SIDE_PX, SIDE_PX);
  canvas.setAttribute("aria-hidden", "true");
  return canvas;
}

/** @param {ImageBitmap} picture @param {Box} region */
async function cutOut(picture, [left, top, right, bottom]) {
  try {
    const canvas = new OffscreenCanvas(right - left, bottom - top);
    canvas.getContext("2d")?.drawImage(picture, -left, -top);
    return await canvas.convertToBlob({ type: "image/png" });
  } catch {
    throw new Problem("several-faces", { role: "reference" });
  }
}
