// Where on the screen a picture really is: inside border and padding, after `object-fit`, and not scrolled away.

globalThis.mienFrame ??= {
  /**
   * @param {Element} element
   * @returns {{x: number, y: number, width: number, height: number, clip: string, radius: string, whole: boolean,
   *   inView: boolean}} in CSS pixels of the viewport
   */
  of(element) {
    const style = getComputedStyle(element);
    const outer = element.getBoundingClientRect();
    const box = this.painted(element, this.contentBox(element, outer, style), style);
    const seen = this.visiblePart(element, box);
    const clip = [
      seen.top - box.y,
      box.x + box.width - seen.right,
      box.y + box.height - seen.bottom,
      seen.left - box.x,
    ];
    const hidden = clip.map((edge) => Math.max(0, edge));
    return {
      ...box,
      clip: hidden.some(Boolean) ? `inset(${hidden.map((edge) => `${edge}px`).join(" ")})` : "none",
      radius: style.borderRadius,
      whole: hidden.every((edge) => edge < 1),
      inView: seen.right - seen.left > 1 && seen.bottom - seen.top > 1,
    };
  },

  contentBox(element, outer, style) {
    const kinds = [HTMLImageElement, HTMLCanvasElement, HTMLVideoElement];
    if (!kinds.some((kind) => element instanceof kind)) return outer;
    const scale = element.offsetWidth ? outer.width / element.offsetWidth : 1; // transforms and zoom
    const inset = (side) =>
      (parseFloat(style[`border${side}Width`]) + parseFloat(style[`padding${side}`])) * scale || 0;
    const [top, right, bottom, left] = ["Top", "Right", "Bottom", "Left"].map(inset);
    return new DOMRect(outer.x + left, outer.y + top, outer.width - left - right, outer.height - top - bottom);
  },

  /** The part of the box that the picture covers: `contain` and `scale-down` leave bars. */
  painted(element, box, style) {
    const plain = { x: box.x, y: box.y, width: box.width, height: box.height };
    const [width, height] = [element.naturalWidth ?? element.videoWidth, element.naturalHeight ?? element.videoHeight];
    if (!["contain", "scale-down"].includes(style.objectFit) || !width || !height) return plain;
    const fit = Math.min(box.width / width, box.height / height);
    const scale = style.objectFit === "scale-down" ? Math.min(1, fit) : fit;
    const size = { width: width * scale, height: height * scale };
    const [across, down] = style.objectPosition.split(" ");
    const place = (position, room) =>
      position?.endsWith("%") ? (parseFloat(position) / 100) * room : parseFloat(position) || 0;
    return {
      x: box.x + place(across, box.width - size.width),
      y: box.y + place(down, box.height - size.height),
      ...size,
    };
  },

  visiblePart(element, box) {
    const seen = { left: box.x, top: box.y, right: box.x + box.width, bottom: box.y + box.height };
    const cut = (rect) => {
      seen.left = Math.max(seen.left, rect.left);
      seen.top = Math.max(seen.top, rect.top);
      seen.right = Math.min(seen.right, rect.right);
      seen.bottom = Math.min(seen.bottom, rect.bottom);
    };
    for (
      let parent = element.parentElement;
      parent && parent !== document.documentElement;
      parent = parent.parentElement
    ) {
      const { overflowX, overflowY } = getComputedStyle(parent);
      const clips = overflowX !== "visible" || overflowY !== "visible";
      if (clips && parent !== document.body) cut(parent.getBoundingClientRect());
    }
    cut({ left: 0, top: 0, right: innerWidth, bottom: innerHeight });
    return seen;
  },
};
