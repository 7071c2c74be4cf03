// New controls in the place of old ones: a focus that was among them stays where it was.
import { fill } from "../element.js";

const FOCUSABLE = "button, input, select, textarea, summary";

/** Of choices that exclude one another the chosen one has the focus. @param {HTMLElement} body */
export function refillControls(body, ...children) {
  const list = () => /** @type {HTMLElement[]} */ ([...body.querySelectorAll(FOCUSABLE)]);
  const focused = document.activeElement;
  const label = focused?.closest("[role=radiogroup]")?.getAttribute("aria-label");
  const at = list().findIndex((each) => each === focused);
  fill(body, ...children);
  if (at < 0) return;
  const groups = [...body.querySelectorAll("[role=radiogroup]")];
  const group = groups.find((each) => label && each.getAttribute("aria-label") === label);
  const now = /** @type {HTMLElement | null} */ (group?.querySelector("input:checked") ?? null);
  (now ?? list()[Math.min(at, list().length - 1)])?.focus();
}
