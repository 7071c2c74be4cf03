// A clip that plays where the browser can play it, as a video or an animation; else a picture of its beginning.
import { h } from "../element.js";

/**
 * @param {any} app
 * @param {{ url: string | null, digest: string }} clip  the person's own file, or only the daemon's copy after a reload
 * @param {string} label
 * @param {AbortSignal} signal
 * @returns {HTMLElement}
 */
export function player(app, { url, digest }, label, signal) {
  const place = h("div", { class: "player" });
  const poster = () => {
    const img = h("img", { alt: label });
    place.replaceChildren(img);
    if (!url) return shown(img);
    img.addEventListener("error", () => shown(img), { signal, once: true });
    img.src = url;
  };
  const shown = (img) => {
    if (digest)
      app.pictures.url(`/v1/blobs/${digest}/preview?side=1280`).then(
        (address) => (img.src = address),
        () => (img.dataset.missing = ""),
      );
  };
  if (!url) poster();
  else place.replaceChildren(video(url, label, signal, poster));
  return place;
}

/** A `<video>` with the browser's own controls, which the keyboard reaches. */
export function video(url, label, signal, onerror = () => {}) {
  const element = h("video", { src: url, controls: true, muted: true, playsinline: true, "aria-label": label });
  element.preload = "auto";
  element.addEventListener("error", onerror, { signal, once: true });
  return element;
}
