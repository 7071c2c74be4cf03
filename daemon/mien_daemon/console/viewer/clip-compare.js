// A finished clip beside the one that it was made from: both show the same moment, whichever way one gets there.
import { h } from "../element.js";
import { t } from "../words.js";
import { video } from "./player.js";

/**
 * @param {any} app
 * @param {{ job: any, after: string, before: string | null }} clips  `before` is the person's own file, where it is
 *   still at hand; else pictures of the daemon's copy are shown.
 * @param {AbortSignal} signal
 */
export function compareClips(app, { job, after, before }, signal) {
  const begin = job.options.from ?? 0;
  if (isAnimation(job)) return sideBySide(app, job, after, before);
  const result = video(after, t("after"), signal);
  result.muted = false;
  const original = h("div", { class: "player" });
  const still = () => original.replaceChildren(stillOf(app, job, begin, result, signal));
  if (before) {
    const source = video(before, t("before"), signal, still);
    source.controls = false;
    source.tabIndex = -1;
    follow(source, result, begin, signal);
    original.replaceChildren(source);
  } else still();
  return pair(original, h("div", { class: "player" }, result));
}

/** A GIF or a WebP: it plays by itself, and no browser shows it as a video. */
function isAnimation({ options }) {
  return ["gif", "webp"].includes(options.format);
}

/** The animation beside the original: the person's own file, where that is one too, else the daemon's picture of it. */
function sideBySide({ pictures }, job, after, before) {
  const original = h("img", { alt: t("before") });
  const still = () =>
    pictures.url(`/v1/blobs/${job.target}/preview?side=1280&at=${job.options.from ?? 0}`).then(
      (address) => (original.src = address),
      () => (original.dataset.missing = ""),
    );
  original.addEventListener("error", still, { once: true });
  if (before) original.src = before;
  else still();
  const shown = (image) => h("div", { class: "player" }, image);
  return pair(shown(original), shown(h("img", { src: after, alt: t("after") })));
}

function pair(original, result) {
  return h(
    "div",
    { class: "clips" },
    h("figure", {}, original, h("figcaption", {}, t("before"))),
    h("figure", {}, result, h("figcaption", {}, t("after"))),
  );
}

function follow(source, result, begin, signal) {
  const meet = () => (source.currentTime = begin + result.currentTime);
  const drift = () => Math.abs(source.currentTime - begin - result.currentTime) > 0.15 && meet();
  for (const event of ["loadedmetadata", "seeking", "pause"]) result.addEventListener(event, meet, { signal });
  source.addEventListener("loadedmetadata", meet, { signal, once: true });
  result.addEventListener("timeupdate", drift, { signal });
  result.addEventListener("play", () => source.play().catch(() => {}), { signal });
  result.addEventListener("pause", () => source.pause(), { signal });
}

function stillOf({ pictures }, job, begin, result, signal) {
  const img = h("img", { alt: t("before") });
  const look = async () => {
    const at = (begin + result.currentTime).toFixed(2);
    const address = await pictures.url(`/v1/blobs/${job.target}/preview?side=1280&at=${at}`).catch(() => null);
    if (address) img.src = address;
    else img.dataset.missing = "";
  };
  for (const event of ["loadedmetadata", "seeked", "pause"]) result.addEventListener(event, look, { signal });
  look();
  return img;
}
