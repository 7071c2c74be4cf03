// What is dragged between before and after: a handle for the pointer, and a range for the keyboard.
import { h, setVars } from "../element.js";
import { t } from "../words.js";

/**
 * `area` gets `--split`, in per cent of its width. `start` moves it unless a person has.
 * @param {HTMLElement} area
 */
export function divider(area) {
  const label = t("divider");
  const input = h("input", {
    class: "divider",
    type: "range",
    min: 0,
    max: 100,
    step: 1,
    value: 50,
    "aria-label": label,
  });
  const handle = h("div", { class: "handle", "aria-hidden": "true" });
  let isMoved = false; // by the person, maybe before the picture is there
  const place = () => setVars(area, { split: `${input.value}%` });
  const move = () => ((isMoved = true), place());
  input.addEventListener("input", move);
  handle.addEventListener("pointerdown", (event) => {
    event.stopPropagation();
    handle.setPointerCapture(event.pointerId);
    handle.onpointermove = ({ clientX }) => {
      const { left, width } = handle.parentElement.getBoundingClientRect();
      input.value = (100 * (clientX - left)) / width;
      move();
    };
    handle.onpointerup = handle.onpointercancel = () => (handle.onpointermove = null);
  });
  const start = (/** @type {number} */ percent) => {
    if (!isMoved) input.value = percent;
    place();
  };
  return { elements: [input, handle], start };
}
