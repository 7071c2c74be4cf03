// Playing and scrubbing: one bar for a clip and whatever follows it.
import { iconButton } from "../control.js";
import { fill, h, setText } from "../element.js";
import { icon } from "../icon.js";
import { t } from "../words.js";
import { clock } from "./clock.js";

/**
 * @param {HTMLVideoElement} player
 * @param {{ duration_s: number, frames: number, audio?: string }} clip
 * @param {HTMLElement} whole what fills the screen
 * @param {AbortSignal} signal
 */
export function transport(player, { duration_s: length, frames, audio }, whole, signal) {
  const play = playButton(player, signal);
  const sound = iconButton("muted", t("sound_on"), () => (player.muted = !player.muted), { hidden: audio === "none" });
  const full = iconButton("expand", t("fullscreen"), () => showWhole(whole), { hidden: !document.fullscreenEnabled });
  const step = Math.max(0.001, Number((length / Math.max(1, frames)).toFixed(4)));
  const seek = h("input", { type: "range", min: 0, max: length, step, value: 0, "aria-label": t("scrub") });
  const time = h("output", {});

  const show = () => {
    const at = Math.min(player.currentTime, length);
    seek.value = at;
    seek.style.setProperty("--filled", `${(100 * at) / (length || 1)}%`);
    setText(time, `${clock(at)} / ${clock(length)}`);
    seek.setAttribute("aria-valuetext", time.textContent);
    if (!player.paused && !signal.aborted) requestAnimationFrame(show);
  };
  const hush = () => dress(sound, player.muted ? "muted" : "sound", t(player.muted ? "sound_on" : "sound_off"));
  seek.addEventListener("input", () => (player.currentTime = Number(seek.value)));
  for (const name of ["play", "pause", "ended", "seeked", "loadedmetadata"])
    player.addEventListener(name, show, { signal });
  player.addEventListener("volumechange", hush, { signal });
  show();
  hush();
  return h("div", { class: "transport", role: "group", "aria-label": t("player") }, play, seek, time, sound, full);
}

/** A press on it, on the picture, or on the space bar plays and stops. */
export function playButton(player, signal) {
  const toggle = () => void (player.paused ? player.play().catch(() => {}) : player.pause());
  const button = iconButton("play", t("play"), toggle, { "data-deed": "play" });
  const turn = () => dress(button, player.paused ? "play" : "pause", t(player.paused ? "play" : "pause"));
  for (const name of ["play", "pause", "ended"]) player.addEventListener(name, turn, { signal });
  player.addEventListener("click", toggle, { signal });
  document.addEventListener("keydown", (event) => isFree(event) && (event.preventDefault(), toggle()), { signal });
  return button;
}

function dress(button, name, label) {
  fill(button, icon(name));
  button.setAttribute("aria-label", label);
  button.title = label;
}

/** A space bar that nothing else takes. */
function isFree({ key, target, repeat }) {
  return key === " " && !repeat && !target.closest?.("button, a, input, select, textarea, summary, dialog");
}

function showWhole(element) {
  if (document.fullscreenElement) document.exitFullscreen();
  else element.requestFullscreen();
}
