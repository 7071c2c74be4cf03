// The address of a picture that a person works on: their own file, or the daemon's copy after a reload.
import { setVars } from "../element.js";

/** Fill `img`; what the browser cannot show itself (HEIC, TIFF) comes as the daemon's preview. */
export async function showPicture(img, { url, digest }, pictures) {
  img.addEventListener("error", () => digest && preview(img, digest, pictures), { once: true });
  if (url) img.src = url;
  else if (digest) await preview(img, digest, pictures);
}

/** An address at which the browser shows the picture in its full size, or nearly. */
export async function shownUrl({ url, digest }, pictures) {
  return url && (await shows(url)) ? url : pictures.url(previewPath(digest, 8192));
}

/** Whether the browser can show it: HEIC and TIFF it usually cannot. */
function shows(url) {
  const img = new Image();
  img.src = url;
  return img.decode().then(
    () => true,
    () => false,
  );
}

async function preview(img, digest, pictures) {
  try {
    img.src = await pictures.url(previewPath(digest));
  } catch (error) {
    if (!error.document) throw error;
    img.dataset.missing = "";
  }
}

/** Where the changed faces of a result are, 0..1 from the left and from the top. */
export function facesAt({ result }) {
  const changed = result?.faces?.filter(({ swapped }) => swapped) ?? [];
  return changed.map(({ bbox: [x1, y1, x2, y2] }) => ({
    x: (x1 + x2) / 2 / result.size[0],
    y: (y1 + y2) / 2 / result.size[1],
  }));
}

/** Where the first of them is. */
export function faceAt(job) {
  return facesAt(job)[0] ?? { x: 0.5, y: 0.3 };
}

/** Keep that face in sight where only a part of the picture is shown. */
export function keepFaceInSight(img, job) {
  const { x, y } = faceAt(job);
  setVars(img, { x: `${100 * x}%`, y: `${100 * y}%` });
}

export function previewPath(digest, side = 2400) {
  return `/v1/blobs/${digest}/preview?side=${side}`;
}
