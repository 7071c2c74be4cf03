// A row of pictures that may be longer than its place: buttons, or Ctrl and the wheel, lengthen it; it scrolls.
import { iconButton } from "../control.js";
import { h, setVars } from "../element.js";
import { t } from "../words.js";

const NEAREST_PX = 60; // for a second: a tenth of one can be pointed at
const PLACE_PX = 600; // of the row, about

/** How many times the row is longer than its place at most, a power of two. @param {number} seconds */
export function mostTimes(seconds) {
  return 2 ** Math.max(0, Math.ceil(Math.log2((seconds * NEAREST_PX) / PLACE_PX)));
}

/**
 * `element` holds the strip and scrolls, `buttons` lengthen and shorten it around the moment that is looked at.
 * @param {HTMLElement} strip
 * @param {AbortSignal} signal
 * @param {(times: number) => void} onchange
 */
export function stripZoom(strip, signal, onchange) {
  let times = 1;
  let most = 1;
  let middle = () => 0; // of the clip, 0..1: where the person looks
  const element = h("div", { class: "trim-view" }, strip);
  const nearer = iconButton("plus", t("strip_nearer"), () => go(2 * times, middle()));
  const wider = iconButton("minus", t("strip_wider"), () => go(times / 2, middle()));
  const buttons = h("div", { class: "trim-zoom", hidden: true }, wider, nearer);
  element.addEventListener("wheel", turn, { passive: false, signal });
  return { element, buttons, fit, reveal, times: () => times };

  /** The clip is so long; `look` is where in it the person looks. */
  function fit(seconds, look) {
    middle = look;
    most = mostTimes(seconds);
    buttons.hidden = most === 1;
    mark();
  }

  function go(wanted, at, from = 0.5) {
    times = Math.min(most, Math.max(1, wanted));
    setVars(strip, { times });
    element.scrollLeft = at * strip.offsetWidth - from * element.clientWidth;
    mark();
    onchange(times);
  }

  function mark() {
    nearer.setAttribute("aria-disabled", String(times >= most));
    wider.setAttribute("aria-disabled", String(times <= 1));
  }

  function turn(event) {
    if (!(event.ctrlKey || event.metaKey) || most === 1) return;
    event.preventDefault(); // the browser's own zoom
    const from = (event.clientX - element.getBoundingClientRect().left) / element.clientWidth;
    const at = (element.scrollLeft + from * element.clientWidth) / strip.offsetWidth;
    go(event.deltaY < 0 ? 2 * times : times / 2, at, from);
  }

  /** Scroll so far that a place of the clip, 0..1, is seen. */
  function reveal(/** @type {number} */ at) {
    const x = at * strip.offsetWidth;
    const { scrollLeft: left, clientWidth: width } = element;
    if (x < left || x > left + width) element.scrollLeft = x - width / 2;
  }
}
