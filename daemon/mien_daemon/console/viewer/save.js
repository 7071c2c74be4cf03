// Taking a result out of the page: into a file, or onto the clipboard.
const ENDINGS = {
  "image/jpeg": "jpg",
  "image/png": "png",
  "image/webp": "webp",
  "image/avif": "avif",
  "image/tiff": "tif",
  "video/mp4": "mp4",
};

/** The file exactly as the daemon marked it. */
export async function savePicture(api, job) {
  const picture = await api.blob(`/v1/jobs/${job.id}/result`);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(picture);
  link.download = `mien-${job.id.slice(0, 8)}.${ENDINGS[picture.type] ?? "png"}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** The clipboard takes PNG only, so what is copied carries the watermark but no credentials. */
export async function copyPicture(url) {
  const img = new Image();
  img.src = url;
  await img.decode();
  const canvas = new OffscreenCanvas(img.naturalWidth, img.naturalHeight);
  canvas.getContext("2d")?.drawImage(img, 0, 0);
  await navigator.clipboard.write([new ClipboardItem({ "image/png": canvas.convertToBlob({ type: "image/png" }) })]);
}
