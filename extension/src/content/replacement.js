// One picture of the page with the result in its place. The original is remembered attribute by attribute, put back
// only if what is there is still ours, and our own again when the page draws the same picture anew.

globalThis.MienReplacement ??= class MienReplacement {
  static #REDRAWS = 50; // a page that fights for its picture wins in the end
  #saved = [];
  #redraws = 0;
  #observer = new MutationObserver(() => this.#onChange());
  #shownOriginal = false;

  /**
   * @param {string} url  of the result, blob:
   * @param {{onMoved: (element: Element) => void, onLost: () => void, cover: (url: string | null) => void}} listeners
   */
  constructor(element, url, size, listeners) {
    this.element = element;
    this.url = url;
    this.size = size;
    this.listeners = listeners;
    this.originalUrl = mienSource.urlOf(element);
    this.originalNames = this.#namesOf(element);
    this.#put();
    this.#watch();
  }

  get isIntact() {
    return this.#kind() === "cover" || this.#current().includes(this.url);
  }

  /** Show the original for a moment. */
  compare(original) {
    this.#shownOriginal = original;
    this.#observer.disconnect();
    if (original) this.#putBack();
    else this.#put();
    this.#watch();
  }

  /** Put the original back, unless the page has put something else there meanwhile. */
  undo() {
    this.#observer.disconnect();
    if (this.isIntact) this.#putBack();
    URL.revokeObjectURL(this.url);
  }

  #kind() {
    if (this.element instanceof HTMLImageElement || this.element instanceof HTMLInputElement) return "image";
    if (this.element instanceof SVGImageElement) return "svg";
    const { element } = this;
    const kinds = [HTMLCanvasElement, HTMLVideoElement, HTMLObjectElement, HTMLEmbedElement];
    const keepsItsOwn = kinds.some((kind) => element instanceof kind);
    return keepsItsOwn || this.covered ? "cover" : "background";
  }

  #current() {
    const { element } = this;
    return (
      { image: element.src, svg: element.href?.baseVal, background: element.style?.backgroundImage }[this.#kind()] ?? ""
    );
  }

  #put() {
    this.#saved = [];
    const put = {
      image: () => this.#putImage(),
      svg: () => this.#save(this.element, "href", this.url),
      background: () => this.#putBackground(),
      cover: () => this.listeners.cover(this.url),
    };
    put[this.#kind()]();
  }

  #putImage() {
    const { element } = this;
    // A picture chosen for a dense screen is laid out smaller than it is: keep its density, and with it the layout.
    const density = element.naturalWidth ? this.size.width / element.naturalWidth : 1;
    for (const source of element.closest("picture")?.querySelectorAll("source") ?? [])
      this.#save(source, "srcset", null);
    this.#save(element, "sizes", null);
    this.#save(element, "srcset", Math.abs(density - 1) > 0.01 ? `${this.url} ${density}x` : null);
    this.#save(element, "src", this.url);
  }

  #putBackground() {
    this.#saved.push([this.element, "style", this.element.getAttribute("style")]);
    const others = getComputedStyle(this.element).backgroundImage.replace(
      /url\((?:"(?:[^"\\]|\\.)*"|[^)]*)\)/,
      `url("${this.url}")`,
    );
    const refused = ({ blockedURI, violatedDirective }) => {
      if (!violatedDirective.startsWith("img-src") || !blockedURI.startsWith("blob")) return;
      this.covered = true; // the page's policy takes no such background: lie over it instead
      this.#putBack();
      this.listeners.cover(this.url);
    };
    document.addEventListener("securitypolicyviolation", refused);
    setTimeout(() => document.removeEventListener("securitypolicyviolation", refused), 2000);
    this.element.style.setProperty("background-image", others, "important");
  }

  #save(element, name, value) {
    this.#saved.push([element, name, element.getAttribute(name)]);
    if (value === null) element.removeAttribute(name);
    else element.setAttribute(name, value);
  }

  #putBack() {
    if (this.#kind() === "cover") this.listeners.cover(null);
    for (const [element, name, value] of this.#saved.reverse()) {
      if (value === null) element.removeAttribute(name);
      else element.setAttribute(name, value);
    }
    this.#saved = [];
  }

  #watch() {
    const attributes = { attributes: true, attributeFilter: ["src", "srcset", "sizes", "href", "style", "class"] };
    this.#observer.observe(this.element, attributes);
    this.#observer.observe(document, { childList: true, subtree: true });
  }

  #onChange() {
    if (this.#shownOriginal) return;
    if (!this.element.isConnected) return this.#lookForTheNew();
    if (this.isIntact) return;
    if (this.#isOriginal(this.element)) this.#again(this.element);
    else this.#giveUp();
  }

  /** The page took our element away; if it has drawn the same picture somewhere, that is where the result belongs. */
  #lookForTheNew() {
    const candidates = this.#kind() === "image" ? document.images : [];
    const drawn = [...candidates].find((image) => this.#isOriginal(image));
    if (drawn) {
      this.#again(drawn);
      this.listeners.onMoved(drawn);
    }
  }

  /** By the names in the markup: what an image really shows follows them only a moment later. */
  #isOriginal(element) {
    if (this.#kind() !== "image") return mienSource.urlOf(element) === this.originalUrl;
    const now = this.#namesOf(element);
    return now.src === null
      ? now.srcset !== null && now.srcset === this.originalNames.srcset
      : now.src === this.originalNames.src;
  }

  #namesOf(element) {
    return { src: element.getAttribute("src"), srcset: element.getAttribute("srcset") };
  }

  #again(element) {
    this.#redraws += 1;
    if (this.#redraws > MienReplacement.#REDRAWS) return this.#giveUp();
    this.#observer.disconnect();
    this.element = element;
    this.#put();
    this.#watch();
  }

  #giveUp() {
    this.#observer.disconnect();
    URL.revokeObjectURL(this.url);
    this.listeners.onLost();
  }
};
