// A moment of a clip to type: as players write it, or in seconds; the arrow keys step.
import { h } from "../element.js";
import { clock, readClock } from "../viewer/clock.js";

const STEPS_S = { ArrowUp: 0.1, ArrowDown: -0.1, PageUp: 10, PageDown: -10 };

/** By how many seconds a key moves a moment; with Shift an arrow moves ten times as far. 0 for any other key. */
export function stepOf({ key, shiftKey }, steps = STEPS_S) {
  const step = steps[key] ?? 0;
  return shiftKey && key.startsWith("Arrow") ? 10 * step : step;
}

/**
 * `read()` is the seconds, undefined where the field is empty; `write` shows others. What is no moment is not taken.
 * `changed` is told what was typed or stepped to, `meant` once it is meant.
 * @param {{ id: string, value: number | undefined, changed: () => void, meant: () => void }} uses
 */
export function momentField({ id, value, changed, meant }) {
  let known = value;
  const input = /** @type {HTMLInputElement} */ (
    h("input", { id, type: "text", autocomplete: "off", spellcheck: "false", class: "moment" })
  );
  const write = (/** @type {number | undefined} */ seconds) => {
    known = seconds;
    input.value = seconds === undefined ? "" : clock(seconds);
    input.removeAttribute("aria-invalid");
  };
  write(value);
  input.addEventListener("input", () => {
    const text = input.value.trim();
    const typed = text === "" ? undefined : readClock(text);
    input.setAttribute("aria-invalid", String(typed === null));
    if (typed !== null) known = typed;
    changed();
  });
  input.addEventListener("keydown", (event) => {
    const step = stepOf(event);
    if (!step) return;
    event.preventDefault();
    write(Math.max(0, (known ?? readClock(input.placeholder) ?? 0) + step));
    changed();
  });
  input.addEventListener("change", () => (write(known), meant()));
  input.addEventListener("blur", () => (write(known), meant()));
  return { input, read: () => known, write };
}
