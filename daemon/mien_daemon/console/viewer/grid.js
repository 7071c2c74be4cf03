// Several pictures of one size in a place: in as many columns as show them largest.
import { setVars } from "../element.js";

const GAP = 6;

/**
 * How many columns, and how wide each of them is, in the place's own unit.
 * @param {number} count
 * @param {number} ratio a picture's width by its height
 * @param {{ width: number, height: number }} place
 * @returns {{ columns: number, across: number }}
 */
export function bestGrid(count, ratio, { width, height }, gap = GAP) {
  const ways = Array.from({ length: count }, (_, at) => {
    const [columns, rows] = [at + 1, Math.ceil(count / (at + 1))];
    const wide = (width - gap * (columns - 1)) / columns;
    const high = (height - gap * (rows - 1)) / rows;
    return { columns, across: Math.max(0, Math.min(wide, high * ratio)) };
  });
  return ways.reduce((best, way) => (way.across > best.across ? way : best));
}

/** Lay out what `view` holds so, whenever its size changes. @param {HTMLElement} view @param {AbortSignal} signal */
export function keepGrid(view, signal) {
  const place = () => {
    const img = view.querySelector("img");
    if (!img?.naturalWidth || view.childElementCount < 2) return;
    const style = getComputedStyle(view);
    const inner = (all, ...edges) => all - edges.reduce((sum, edge) => sum + parseFloat(edge), 0);
    const width = inner(view.clientWidth, style.paddingLeft, style.paddingRight);
    const height = inner(view.clientHeight, style.paddingTop, style.paddingBottom);
    const ratio = img.naturalWidth / img.naturalHeight;
    const { columns, across } = bestGrid(view.childElementCount, ratio, { width, height });
    setVars(view, { columns, across: `${across}px`, ratio });
  };
  const watch = new ResizeObserver(place);
  watch.observe(view);
  signal.addEventListener("abort", () => watch.disconnect());
  view.addEventListener("load", place, { capture: true, signal }); // of its pictures: the event does not bubble
}
