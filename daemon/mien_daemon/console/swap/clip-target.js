// The clip to edit: its player or poster, which part of it is meant, and what the daemon makes of it.
import { attempt } from "../announce.js";
import { h } from "../element.js";
import { player } from "../viewer/player.js";
import { playButton } from "../viewer/transport.js";
import { t } from "../words.js";
import { clipTrim } from "./clip-trim.js";
import { clipTry } from "./clip-try.js";
import { say } from "./face-boxes.js";

export function clipTarget(app, _now, signal) {
  const { draft } = app;
  const target = draft.target;
  const note = h("div", { class: "stage-note", role: "status" });
  const shown = player(app, target, t("target_image", { name: target.name }), signal);
  const video = shown.querySelector("video");
  let moment = target.begin ?? 0;
  const look = (/** @type {number} */ at) => {
    moment = at;
    trial.close();
    trim.head(at);
    seek(app, target, shown, at);
  };
  const picture = h("div", { class: "picture" }, shown);
  const place = { picture, note, at: () => video?.currentTime ?? moment };
  const trial = clipTry(app, target, place, signal);
  const part = (/** @type {any} */ chosen) => attempt(() => draft.trim(target, chosen));
  const trim = clipTrim(app, target, { seek: look, change: part, play: video && playButton(video, signal) }, signal);
  if (video) followPlayer(video, target, trim, signal);
  video?.addEventListener("play", trial.close, { signal });
  const element = h(
    "div",
    { class: "clip-target", "data-drop": "target" },
    picture,
    h("div", { class: "clip-foot" }, trim.element, h("div", { class: "clip-said" }, note, trial.element)),
  );
  draft.look(target);
  const refresh = () => {
    if (!trial.refresh()) say(note, target);
    trim.show();
  };
  return { element, refresh };
}

/** The row of pictures is as long as the clip and says where it plays; playing stays within the part. */
function followPlayer(video, target, trim, signal) {
  video.controls = false;
  const measure = () => {
    if (!Number.isFinite(video.duration)) return;
    target.length = video.duration;
    trim.show();
  };
  const move = () => {
    const { begin = 0, end = Infinity } = target;
    if (!video.paused && video.currentTime >= end) video.pause();
    else if (!video.paused && video.currentTime < begin) video.currentTime = begin;
    trim.head(video.currentTime);
  };
  video.addEventListener("loadedmetadata", measure, { signal });
  for (const name of ["timeupdate", "seeked"]) video.addEventListener(name, move, { signal });
}

/** Show a moment: in the player, or as the daemon's picture of it where the browser cannot play the clip. */
function seek({ pictures }, { digest, url }, shown, at) {
  const video = shown.querySelector("video");
  if (video) return void (video.currentTime = at);
  const img = shown.querySelector("img");
  if (img && digest && !url) pictures.lazily(img, `/v1/blobs/${digest}/preview?side=1280&at=${at.toFixed(1)}`);
}
