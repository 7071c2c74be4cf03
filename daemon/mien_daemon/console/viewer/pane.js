// One picture, or two on top of one another, under a zoom that others may share.
import { h, setVars } from "../element.js";

/**
 * `layers` are <img> elements of the same picture size, lowest first. `caption` stands beside the pane and hears where
 * the picture is as well.
 * @param {HTMLImageElement[]} layers
 * @param {import("./zoom.js").Zoom} zoom
 * @param {AbortSignal} signal
 * @param {HTMLElement | null} caption
 */
export function pane(layers, zoom, signal, caption = null) {
  const element = h(
    "div",
    { class: "pane", "data-zoom": "fit" },
    layers.map((img) => h("div", { class: "layer" }, img)),
  );
  const size = () => ({ width: layers[0].naturalWidth || 1, height: layers[0].naturalHeight || 1 });
  const box = () => ({ width: element.clientWidth || 1, height: element.clientHeight || 1 });

  const place = () => {
    const scale = zoom.cssScale(size(), box());
    const { width, height } = size();
    element.dataset.zoom = zoom.scale === null ? "fit" : "near";
    const lies = {
      width: `${width * scale}px`,
      height: `${height * scale}px`,
      left: `${box().width / 2 - zoom.x * width * scale}px`,
      top: `${box().height / 2 - zoom.y * height * scale}px`,
    };
    setVars(element, lies);
    if (caption) setVars(caption, lies);
  };

  const watch = new ResizeObserver(place);
  watch.observe(element);
  signal.addEventListener("abort", () => watch.disconnect());
  zoom.addEventListener("change", place, { signal });
  for (const img of layers) img.addEventListener("load", place, { signal });

  element.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const middle = element.getBoundingClientRect();
      const dx = event.clientX - middle.left - middle.width / 2;
      const dy = event.clientY - middle.top - middle.height / 2;
      zoom.by(Math.exp(-event.deltaY / 400), dx, dy, size(), box());
    },
    { passive: false },
  );
  element.addEventListener("dblclick", (event) => {
    const { left, top } = layers[0].getBoundingClientRect();
    const scale = zoom.cssScale(size(), box());
    const { width, height } = size();
    const [x, y] = [(event.clientX - left) / (width * scale), (event.clientY - top) / (height * scale)];
    zoom.to(zoom.scale === null ? 1 : null, x, y);
  });
  drag(element, (dx, dy) => zoom.scale !== null && zoom.pan(dx, dy, size(), box()));
  return element;
}

function drag(element, move) {
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.target.closest("button, input")) return;
    element.setPointerCapture(event.pointerId);
    element.onpointermove = (to) => move(to.movementX, to.movementY);
    element.onpointerup = element.onpointercancel = () => (element.onpointermove = null);
  });
}
