// Two small pictures of a job: the face that goes in, and the picture that it goes into.
import { h, setVars } from "../element.js";
import { icon } from "../icon.js";
import { referenceImage } from "../swap/reference-image.js";
import { previewPath } from "../swap/target-picture.js";
import { stepPicture } from "./step-picture.js";

const SIDE = 400; // of a result as the daemon keeps it
const MOST_ZOOM = 4; // beyond that a small picture is only blurred
const FACE_SHARE = 0.5; // of the crop's side

export function crops(app, first) {
  const img = h("img", { alt: "" });
  /** @type {any} the latest step, from the moment when the job runs */
  let step = null;
  const name = first.references[0]?.[0];
  const person = name ? h("span", { class: "crop-person" }, icon("faces"), referenceImage(app, { key: name })) : null;
  const thumb = h("div", { class: "thumb" }, img);
  const element = h("div", { class: "crops" }, thumb, person);
  return {
    element,
    show(job) {
      app.pictures.lazily(img, pictureOf(job));
      const near = nearFace(job);
      if (near) setVars(thumb, near);
      if (job.state === "running" && !step) thumb.append((step = stepPicture(app.api)).element);
      step?.look(job);
    },
  };
}

function pictureOf(job) {
  return job.state === "done" ? `/v1/jobs/${job.id}/preview?side=${SIDE}` : previewPath(job.target, SIDE);
}

/**
 * Custom properties that bring the first changed face into the middle of a square: where the picture lies in it, and
 * how far and about which point it is enlarged. Null where no face is known: the style sheet shows the upper middle.
 */
export function nearFace({ result }) {
  const face = result?.faces?.find(({ swapped }) => swapped);
  if (!face) return null;
  const [width, height] = result.size;
  const [x1, y1, x2, y2] = face.bbox;
  const share = Math.max(x2 - x1, y2 - y1) / Math.min(width, height);
  const zoom = Math.min(MOST_ZOOM, Math.max(1, FACE_SHARE / share));
  const [x, y] = [(x1 + x2) / 2 / width, (y1 + y2) / 2 / height];
  return {
    x: part(x),
    y: part(y),
    zoom: zoom.toFixed(3),
    "origin-x": part(originFor(x, zoom)),
    "origin-y": part(originFor(y, zoom)),
  };
}

/** About which point to enlarge so that `at` comes to the middle, or as near as the picture's edge allows. */
function originFor(at, zoom) {
  return zoom === 1 ? 0.5 : Math.min(1, Math.max(0, (at * zoom - 0.5) / (zoom - 1)));
}

function part(value) {
  return `${(100 * value).toFixed(2)}%`;
}
