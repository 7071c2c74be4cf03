// Where in a picture one looks, and how near: shared by every pane that shows the same thing.
export class Zoom extends EventTarget {
  constructor() {
    super();
    this.scale = null; // null fits the pane
    this.x = 0.5; // the point of the picture in the middle of the pane, 0..1
    this.y = 0.5;
  }

  /** Picture pixels → CSS pixels that fit `pane`; small pictures are at most doubled. */
  static fit(picture, pane) {
    return Math.min(pane.width / picture.width, pane.height / picture.height, 2 / devicePixelRatio || 1);
  }

  /** `scale` in device pixels a picture pixel: 1 is 100 %. Null fits. */
  to(scale, x = this.x, y = this.y) {
    this.scale = scale;
    this.x = scale === null ? 0.5 : clamp(x);
    this.y = scale === null ? 0.5 : clamp(y);
    this.dispatchEvent(new Event("change"));
  }

  cssScale(picture, pane) {
    return this.scale === null ? Zoom.fit(picture, pane) : this.scale / devicePixelRatio;
  }

  /** Move by CSS pixels. */
  pan(dx, dy, picture, pane) {
    const scale = this.cssScale(picture, pane);
    this.to(this.scale, this.x - dx / (picture.width * scale), this.y - dy / (picture.height * scale));
  }

  /** Nearer or further, keeping the point under the pointer, given from the pane's middle, where it is. */
  by(factor, dx, dy, picture, pane) {
    const before = this.cssScale(picture, pane);
    const smallest = Zoom.fit(picture, pane);
    const after = Math.min(8 / devicePixelRatio, before * factor);
    if (after <= smallest) return this.to(null);
    const slip = 1 / before - 1 / after;
    return this.to(
      after * devicePixelRatio,
      this.x + (dx * slip) / picture.width,
      this.y + (dy * slip) / picture.height,
    );
  }
}

function clamp(value) {
  return Math.min(1, Math.max(0, value));
}
