// Adding a face in a window of its own: it stays open beside a file dialog and beside the browser's question for the
// camera. With `?for=` the face goes to the picture that waits for it.

import { showAddFace } from "./add-face.js";
import { byId, localise, makeApp, say, showNotice, tell } from "./parts.js";

const { settings, connection } = makeApp();
const asked = new URLSearchParams(location.search);

localise();
document.title = say("face_title");
const form = showAddFace(byId("face"), { connection, onAdded, onCamera: startCamera });
addEventListener("keydown", ({ key }) => key === "Escape" && window.close());
byId("shoot").addEventListener("click", shoot);
if (asked.has("camera")) startCamera();
else byId("choose-file").focus();

async function onAdded(reference) {
  const key = asked.get("for");
  if (key) await tell({ do: "chosen", key, reference });
  else await settings.choose(reference);
  window.close();
}

async function startCamera() {
  try {
    byId("video").srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 } } });
    await byId("video").play();
    byId("live").hidden = false;
    byId("shoot").focus();
  } catch {
    showNotice(byId("face-notice"), say("face_no_camera"));
  }
}

async function shoot() {
  const video = byId("video");
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  canvas.getContext("2d")?.drawImage(video, 0, 0);
  for (const track of video.srcObject.getTracks()) track.stop();
  byId("live").hidden = true;
  await form.take(await canvas.convertToBlob({ type: "image/png" }));
}
