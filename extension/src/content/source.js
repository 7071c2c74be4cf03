// What a picture on the page is made of, and its bytes as far as the page itself can get them.

globalThis.mienSource ??= {
  /**
   * @param {Element} element
   * @returns {{kind: 'url' | 'page' | 'frame', url: string} | null} `url` can be fetched from anywhere, `page` only
   *   from here; `frame` is what a video shows now.
   */
  of(element) {
    if (element instanceof HTMLVideoElement) return this.hasFrame(element) ? { kind: "frame", url: "" } : null;
    return element instanceof HTMLCanvasElement ? { kind: "page", url: "" } : this.at(this.urlOf(element));
  },

  hasFrame: (video) => video.videoWidth > 0 && video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA,

  at(url) {
    return url ? { kind: url.startsWith("blob:") ? "page" : "url", url } : null;
  },

  urlOf(element) {
    if (element instanceof HTMLImageElement) return element.currentSrc || element.src;
    if (element instanceof SVGImageElement) return new URL(element.href.baseVal, document.baseURI).href;
    if (element instanceof HTMLInputElement && element.type === "image") return element.src;
    if (element instanceof HTMLObjectElement) return this.isPictureFile(element, element.data) ? element.data : null;
    if (element instanceof HTMLEmbedElement) return this.isPictureFile(element, element.src) ? element.src : null;
    return this.backgroundOf(element);
  },

  /** What is embedded may be anything; a picture says so in its type or, with none, in its name. */
  isPictureFile({ type }, url) {
    return type ? type.startsWith("image/") : /\.(avif|bmp|gif|jpe?g|png|webp)(\?|#|$)/i.test(url);
  },

  /** The address of a CSS background; null for gradients and for none. */
  backgroundOf(element) {
    const image = getComputedStyle(element).backgroundImage;
    const found = /url\((?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^)]*))\)/.exec(image);
    return found ? (found[1] ?? found[2] ?? found[3]).replace(/\\(.)/g, "$1") : null;
  },

  /** @returns {Promise<Blob | null>} null where the page itself may not read it. */
  async read(element, { url }) {
    for (const way of [() => this.canvas(element), () => this.fetched(url), () => this.drawn(element)]) {
      const blob = await way().catch(() => null);
      if (blob?.size) return blob;
    }
    return null;
  },

  async canvas(element) {
    if (!(element instanceof HTMLCanvasElement)) return null;
    return new Promise((resolve) => element.toBlob(resolve)); // throws where another site's picture was drawn in it
  },

  async fetched(url) {
    if (!url) return null;
    const credentials = url.startsWith("blob:") ? "same-origin" : "omit";
    const response = await fetch(url, { credentials, cache: "force-cache" });
    return response.ok ? response.blob() : null;
  },

  /**
   * Why the frame of a video cannot be read: it is protected, or of another site.
   * @returns {Promise<"frame-protected" | "frame-foreign" | null>}
   */
  async whyNoFrame(video) {
    if (video.mediaKeys) return "frame-protected";
    return this.drawn(video).then(
      () => null,
      () => "frame-foreign",
    );
  },

  async drawn(element) {
    const isVideo = element instanceof HTMLVideoElement;
    if (!isVideo && !(element instanceof HTMLImageElement)) return null;
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = isVideo
      ? [element.videoWidth, element.videoHeight]
      : [element.naturalWidth, element.naturalHeight];
    canvas.getContext("2d")?.drawImage(element, 0, 0);
    return new Promise((resolve) => canvas.toBlob(resolve));
  },
};
