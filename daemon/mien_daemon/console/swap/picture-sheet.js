// The target image as large as the canvas allows, with a layer over it whose places are fractions of the picture.
import { h, setVars } from "../element.js";
import { Zoom } from "../viewer/zoom.js";
import { t } from "../words.js";
import { showPicture } from "./target-picture.js";

/**
 * `onfit` is told once the picture is there. `size()` is that of the picture in which faces were found: what is shown
 * may be a smaller preview of it; null until it is there.
 */
export function pictureSheet(app, target, signal, onfit = () => {}) {
  const img = h("img", { alt: t("target_image", { name: target.name }), draggable: "false" });
  const layer = h("div", { class: "boxes" });
  const sheet = h("div", { class: "sheet", "data-drop": "target" }, img, layer);
  const element = h("div", { class: "picture" }, sheet);
  const fit = () => {
    const box = { width: element.clientWidth, height: element.clientHeight };
    const [width, height] = [img.naturalWidth, img.naturalHeight];
    // As large as its result will be: a clip fills its place, as it does in a player.
    const scale = target.clip ? Math.min(box.width / width, box.height / height) : Zoom.fit({ width, height }, box);
    setVars(sheet, { width: `${width * scale}px`, height: `${height * scale}px` });
  };
  img.addEventListener("load", () => (fit(), onfit()), { signal });
  const watch = new ResizeObserver(() => img.naturalWidth && fit());
  watch.observe(element);
  signal.addEventListener("abort", () => watch.disconnect());
  showPicture(img, target.clip ? { url: null, digest: target.digest } : target, app.pictures);
  return { element, sheet, layer, size };

  function size() {
    const { naturalWidth: width, naturalHeight: height } = img;
    if (!width) return null;
    const scale = target.side ? target.side / Math.max(width, height) : 1;
    return [width * scale, height * scale];
  }
}

/** Put something where a face is. */
export function placeAt(element, [x1, y1, x2, y2], [width, height]) {
  setVars(element, { x: x1 / width, y: y1 / height, w: (x2 - x1) / width, h: (y2 - y1) / height });
}
