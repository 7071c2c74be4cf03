// Taking a result out of the page: into a file, or onto the clipboard.
import { fileNameOf } from "../job-name.js";

/** The file exactly as the daemon marked it. */
export async function savePicture({ api, people }, job) {
  const picture = await api.blob(`/v1/jobs/${job.id}/result`);
  saveFile(picture, fileNameOf(job, people.names, picture.type));
}

/** Let the browser save some bytes under a name. */
export function saveFile(content, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
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
