// The address of a picture that a person works on: their own file, or the daemon's copy after a reload.

/** Fill `img`; what the browser cannot show itself (HEIC, TIFF) comes as the daemon's preview. */
export async function showPicture(img, { url, digest }, pictures) {
  img.addEventListener("error", () => digest && preview(img, digest, pictures), { once: true });
  if (url) img.src = url;
  else if (digest) await preview(img, digest, pictures);
}

async function preview(img, digest, pictures) {
  try {
    img.src = await pictures.url(previewPath(digest));
  } catch (error) {
    if (!error.document) throw error;
    img.dataset.missing = "";
  }
}

export function previewPath(digest, side = 2400) {
  return `/v1/blobs/${digest}/preview?side=${side}`;
}
