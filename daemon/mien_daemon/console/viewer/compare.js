// Before and after: a divider to drag, side by side, or the original for as long as one holds.
import { button, iconButton, segmented, spare } from "../control.js";
import { fill, h } from "../element.js";
import { percent, t } from "../words.js";
import { divider } from "./divider.js";
import { keepGrid } from "./grid.js";
import { pane } from "./pane.js";
import { Zoom } from "./zoom.js";

export const MODES = ["slider", "columns", "after"];

/**
 * `before` and `after` are `{url, label}`; `more` are further panes of the same size (another engine's result).
 * `faces` are where in the picture, 0..1, the changed faces are: the divider is in the middle of the first, and 100 %
 * shows one after the other. `columns` begins side by side. Where there are more, one of the results is chosen: it is
 * the one that the other modes show; `onchoose` is told its place.
 * Returns the element; its toolbar takes `actions` at its end.
 * @typedef {{ url: string, label: string }} Pane
 * @param {Pane} before
 * @param {Pane} after
 * @param {{
 *   more?: Pane[], actions?: any[], faces?: { x: number, y: number }[], columns?: boolean, signal: AbortSignal,
 *   onchoose?: (at: number) => void,
 * }} options
 */
export function compare(before, after, { more = [], actions = [], faces = [], columns = false, signal, onchoose }) {
  const results = [after, ...more];
  let chosen = 0;
  const zoom = new Zoom();
  const view = h("div", { class: "view" });
  if (more.length > 1) keepGrid(view, signal);
  const element = h("div", { class: "compare", "data-mode": more.length || columns ? "columns" : "slider" });
  const focus = faces[0]?.x ?? 0.5;
  const show = (mode) => {
    element.dataset.mode = mode;
    const panes = {
      slider: () => [divided(before, results[chosen], focus, zoom, signal)],
      columns: () => [single(before), ...(more.length ? results.map(choosable) : results.map(single))],
      after: () => [stacked(before, results[chosen], zoom, signal)],
    };
    fill(view, panes[mode]());
  };
  const choosable = (result, at) => {
    const figure = single(result);
    const label = h("button", { "aria-pressed": String(at === chosen), onclick: () => choose(at) }, result.label);
    figure.querySelector("figcaption")?.replaceChildren(label);
    figure.addEventListener("click", () => choose(at));
    return figure;
  };
  const choose = (at) => {
    if (at === chosen) return;
    chosen = at;
    view.querySelectorAll("figcaption button").forEach((label, place) => {
      label.setAttribute("aria-pressed", String(place === chosen));
    });
    onchoose?.(at);
  };
  const single = ({ url, label }) => {
    const caption = h("figcaption", {}, label);
    return h("figure", {}, pane([image(url, label)], zoom, signal, caption), caption);
  };
  const modes = segmented(
    t("compare"),
    MODES.map((mode) => [mode, t(`compare_${mode}`)]),
    element.dataset.mode,
    show,
  );
  element.append(
    view,
    h(
      "div",
      { class: "toolbar" },
      modes,
      hold(element, signal),
      zoomButtons(zoom, faces, signal),
      h("div", { class: "group end" }, ...actions),
    ),
  );
  show(element.dataset.mode);
  document.addEventListener("keydown", (event) => isPlain(event, "c") && turnMode(modes), { signal });
  return element;
}

/** The result on top of the original, which shows while it is held away. */
function stacked(before, after, zoom, signal) {
  const both = pane([image(before.url, before.label), image(after.url, after.label)], zoom, signal);
  both.append(h("span", { class: "tag after" }, after.label));
  return both;
}

function divided(before, after, focus, zoom, signal) {
  const both = pane([image(before.url, before.label), image(after.url, after.label)], zoom, signal);
  const split = divider(both);
  const start = () => {
    const { left, width } = both.getBoundingClientRect();
    const picture = both.querySelector("img").getBoundingClientRect();
    split.start(width > 0 ? (100 * (picture.left - left + focus * picture.width)) / width : 50);
  };
  both.lastElementChild.firstElementChild.addEventListener("load", () => requestAnimationFrame(start), { once: true });
  both.append(
    h("span", { class: "tag before" }, before.label),
    h("span", { class: "tag after" }, after.label),
    ...split.elements,
  );
  return both;
}

function image(url, label) {
  return h("img", { src: url, alt: label, draggable: "false" });
}

/** The original shows while the button is held, by pointer or by key. */
export function hold(element, signal) {
  const set = (held) => element.toggleAttribute("data-held", held);
  const press = button(spare(t("hold_to_compare")), "hold", null, { class: "quiet hold", title: t("hold_hint") });
  press.addEventListener("pointerdown", () => set(true));
  press.addEventListener("keydown", ({ key }) => (key === " " || key === "Enter") && set(true));
  for (const name of ["pointerup", "pointerleave", "keyup", "blur"]) press.addEventListener(name, () => set(false));
  const typing = (event) => event.target.closest?.("input:not([type=range]), textarea, select");
  document.addEventListener("keydown", (event) => event.key === "o" && !typing(event) && set(true), { signal });
  document.addEventListener("keyup", (event) => event.key === "o" && set(false), { signal });
  return press;
}

/** The next way to compare, as if its button were pressed. */
function turnMode(modes) {
  const inputs = [...modes.querySelectorAll("input")];
  inputs[(inputs.findIndex(({ checked }) => checked) + 1) % inputs.length].click();
}

function isPlain(event, key) {
  const { altKey, ctrlKey, metaKey, target } = event;
  return (
    event.key === key && !altKey && !ctrlKey && !metaKey && !target.closest?.("dialog, textarea, select, [type=search]")
  );
}

/** Of several changed faces 100 % shows the next at each press. */
function zoomButtons(zoom, faces, signal) {
  let next = 0;
  const near = () => {
    const { x, y } = faces[next++ % faces.length] ?? {};
    zoom.to(1, x, y);
  };
  const fit = iconButton("fit", t("zoom_fit"), () => zoom.to(null));
  const full = h("button", { class: "bare text", onclick: near, "aria-label": t("zoom_full"), title: t("zoom_full") });
  const mark = () => {
    fit.setAttribute("aria-pressed", zoom.scale === null);
    full.setAttribute("aria-pressed", zoom.scale !== null);
    full.textContent = percent(zoom.scale ?? 1);
  };
  zoom.addEventListener("change", mark, { signal });
  mark();
  return h("div", { class: "group zoom" }, fit, full);
}
