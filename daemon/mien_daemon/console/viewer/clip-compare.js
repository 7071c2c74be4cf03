// A finished clip and the one that it was made from: on top of one another or side by side, at the same moment.
import { segmented } from "../control.js";
import { h, setVars } from "../element.js";
import { t } from "../words.js";
import { hold, MODES } from "./compare.js";
import { divider } from "./divider.js";
import { video } from "./player.js";
import { transport } from "./transport.js";

/**
 * @param {any} app
 * @param {{ job: any, after: string, before: string | null, actions?: any[] }} clips  `before` is the person's own
 *   file, where it is still at hand; else pictures of the daemon's copy are shown.
 * @param {AbortSignal} signal
 */
export function compareClips(app, { job, after, before, actions = [] }, signal) {
  const element = h("div", { class: "clip-compare" });
  const { clips, bar } = isAnimation(job)
    ? { clips: sideBySide(app, job, after, before), bar: null }
    : underOneBar(app, { job, after, before }, element, signal);
  const choices = MODES.map((mode) => [mode, t(`compare_${mode}`)]);
  const choose = (mode) => (clips.dataset.mode = mode);
  const tools = h("div", { class: "toolbar" }, segmented(t("compare"), choices, clips.dataset.mode, choose));
  tools.append(hold(element, signal), h("div", { class: "group end" }, ...actions));
  element.append(clips, ...(bar ? [bar] : []), tools);
  return element;
}

function underOneBar(app, { job, after, before }, element, signal) {
  const begin = job.options.from ?? 0;
  const shown = h("div", { class: "player" });
  const unplayable = () => shown.replaceChildren(h("p", { class: "hint" }, t("clip_unplayable")));
  const result = video(after, t("after"), signal, unplayable);
  result.controls = result.muted = false;
  shown.append(result);
  const original = h("div", { class: "player" });
  const clips = pair(original, shown);
  const still = () => {
    clips.dataset.still = ""; // it does not move with the result
    original.replaceChildren(stillOf(app, job, begin, result, signal));
  };
  if (before) {
    const source = video(before, t("before"), signal, still);
    source.controls = false;
    source.tabIndex = -1;
    follow(source, result, begin, signal);
    original.replaceChildren(source);
  } else still();
  layOverPicture(clips, result, signal);
  const mark = () => clips.toggleAttribute("data-playing", !result.paused);
  for (const event of ["play", "pause"]) result.addEventListener(event, mark, { signal });
  return { clips, bar: transport(result, job.result.video, element, signal) };
}

/** What lies over the picture, its names and the divider, keeps to it where the place around it is larger. */
function layOverPicture(clips, result, signal) {
  const place = () => {
    for (const figure of clips.querySelectorAll("figure")) {
      const { clientWidth: across, clientHeight: down } = figure;
      const scale = Math.min(across / (result.videoWidth || 1), down / (result.videoHeight || 1));
      const [width, height] = [scale * result.videoWidth, scale * result.videoHeight];
      const edges = { left: (across - width) / 2, top: (down - height) / 2, width, height };
      const lies = Object.fromEntries(Object.entries(edges).map(([name, value]) => [name, `${value}px`]));
      for (const over of [figure.querySelector("figcaption"), clips.querySelector(".clip-divider")])
        setVars(over, lies);
    }
  };
  const watch = new ResizeObserver(place);
  for (const figure of clips.querySelectorAll("figure")) watch.observe(figure);
  signal.addEventListener("abort", () => watch.disconnect());
  result.addEventListener("loadedmetadata", place, { signal });
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
  const clips = h(
    "div",
    { class: "clips", "data-mode": "slider" },
    h("figure", {}, original, h("figcaption", {}, t("before"))),
    h("figure", {}, result, h("figcaption", {}, t("after"))),
  );
  const split = divider(clips);
  clips.append(h("div", { class: "clip-divider" }, split.elements));
  split.start(50);
  return clips;
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
