// A transparent overlay that lies exactly over a picture and moves with it. What is on it is in a closed shadow root:
// the page can hide or remove the overlay, but neither read nor press it.

globalThis.MienOverlay ??= class MienOverlay {
  /** @type {CSSStyleSheet | null} */
  static #sheet = null;
  #root;
  #overlay;
  #host;
  #timer;
  /** @type {HTMLImageElement | null} */
  #cover = null;
  /** @type {((box: any) => void) | null} */
  #placeBeyond = null;
  /** Whether it hides where something else covers the picture. */
  hidesUnder = false;
  #ended = new AbortController();
  #observer = new ResizeObserver(() => this.place());

  constructor(element) {
    this.element = element;
    this.#host = document.createElement("div");
    this.#root = this.#host.attachShadow({ mode: "closed" });
    this.#dress();
    this.#overlay = document.createElement("div");
    this.#overlay.className = "overlay";
    this.#overlay.dir = chrome.i18n.getMessage("@@bidi_dir");
    this.#overlay.lang = chrome.i18n.getUILanguage();
    this.#root.append(this.#overlay);
    this.#keepEventsIn();
    this.follow(element);
    const often = { capture: true, passive: true, signal: this.#ended.signal };
    for (const event of ["scroll", "resize", "transitionend", "fullscreenchange", "toggle"]) {
      addEventListener(event, () => this.place(), often);
    }
    visualViewport?.addEventListener("resize", () => this.place(), { signal: this.#ended.signal });
    this.#timer = setInterval(() => this.place(), 250); // layouts also move without an event
  }

  /** Lie over another element: the page has made its picture anew. */
  follow(element) {
    this.#observer.disconnect();
    this.element = element;
    this.#observer.observe(element);
    this.place();
  }

  /** Put these nodes on the overlay instead of what was there; focus stays where it was if it was inside. */
  set(...nodes) {
    const hadFocus = this.#root.activeElement !== null;
    this.#overlay.replaceChildren(...(this.#cover ? [this.#cover] : []), ...nodes);
    if (hadFocus) this.#overlay.querySelector("button")?.focus();
  }

  /** Lay a picture over the whole overlay, under everything else on it; null takes it away. */
  cover(url, { backgroundSize = "cover", backgroundPosition = "50% 50%" } = {}) {
    this.#cover?.remove();
    this.#cover = null;
    if (!url) return;
    const image = document.createElement("img");
    image.className = "cover";
    image.alt = "";
    image.src = url;
    const fit = { contain: "contain", cover: "cover" }[backgroundSize] ?? "fill";
    Object.assign(image.style, { width: "100%", height: "100%", objectFit: fit, objectPosition: backgroundPosition });
    this.#overlay.prepend(image);
    this.#cover = image;
  }

  /** Let what is on the overlay reach beyond a picture that is too small for words. */
  allowRoom(width, height) {
    const box = mienFrame.of(this.element);
    this.#overlay.classList.toggle("roomy", box.width < width || box.height < height);
  }

  /** What is on the overlay lies where `place` puts it, in pixels of the window, and not within the picture. */
  beyond(place) {
    this.#overlay.classList.add("beyond");
    this.#placeBeyond = place;
  }

  get hasFocus() {
    return this.#root.activeElement !== null;
  }

  /** The first thing that can be pressed. */
  focus() {
    this.#overlay.querySelector("button")?.focus();
  }

  place() {
    if (this.#ended.signal.aborted) return;
    this.#stayOnTop();
    const box = this.element.isConnected ? mienFrame.of(this.element) : null;
    const shown = Boolean(box?.inView) && (!this.hidesUnder || this.#isUncovered(box));
    this.#host.hidden = !shown;
    if (!shown) return;
    this.#placeBeyond?.(box);
    const roomy = this.#placeBeyond !== null || this.#overlay.classList.contains("roomy");
    Object.assign(this.#overlay.style, {
      left: `${box.x}px`,
      top: `${box.y}px`,
      width: `${box.width}px`,
      height: `${box.height}px`,
      clipPath: roomy ? "none" : box.clip,
      borderRadius: box.radius,
    });
  }

  remove() {
    this.#ended.abort();
    clearInterval(this.#timer);
    this.#observer.disconnect();
    this.#host.remove();
  }

  /** A covered picture — by a menu, a dialog, a sticky bar — keeps its mark to itself. */
  #isUncovered({ x, y, width, height }) {
    const there = document.elementsFromPoint(x + width / 2, y + height / 2);
    const at = there.indexOf(this.element);
    return at === -1 || !there.slice(0, at).some((other) => other !== this.#host && this.#covers(other));
  }

  #covers(other) {
    if (other.contains(this.element) || this.element.contains(other)) return false;
    const { backgroundColor, position } = getComputedStyle(other);
    return position === "fixed" || position === "sticky" || !/, 0\)$|transparent/.test(backgroundColor);
  }

  #dress() {
    try {
      this.#root.adoptedStyleSheets = [MienOverlay.#sharedSheet()];
    } catch {
      const style = document.createElement("style"); // Firefox takes no constructed sheet from a content script
      style.textContent = mienStyle;
      this.#root.prepend(style);
    }
  }

  /** Read once for all overlays of a page. */
  static #sharedSheet() {
    if (!MienOverlay.#sheet) {
      MienOverlay.#sheet = new CSSStyleSheet();
      MienOverlay.#sheet.replaceSync(mienStyle);
    }
    return MienOverlay.#sheet;
  }

  /** In the top layer, and inside a modal dialog where the picture is in one: all else is inert there. */
  #stayOnTop() {
    const home = this.element.closest?.(":modal, :fullscreen, [popover]:popover-open") ?? document.documentElement;
    if (this.#host.parentNode === home) return;
    home.append(this.#host);
    this.#host.popover = "manual";
    if (!this.#host.matches(":popover-open")) this.#host.showPopover();
  }

  /** What is pressed here is none of the page's business: its shortcuts, lightboxes and links stay asleep. */
  #keepEventsIn() {
    const kinds = [
      "click",
      "auxclick",
      "dblclick",
      "pointerdown",
      "pointerup",
      "mousedown",
      "mouseup",
      "touchstart",
      "touchend",
      "keydown",
      "keyup",
      "keypress",
      "focusin",
      "focusout",
    ];
    for (const kind of kinds) this.#root.addEventListener(kind, (event) => event.stopPropagation());
  }
};

/** A button that only a person can press. */
globalThis.mienButton ??= (label, press, { className = "", icon = null, title = "" } = {}) => {
  const button = document.createElement("button");
  button.type = "button";
  button.className = className;
  if (icon) button.append(mienIcon(icon));
  const text = document.createElement("span");
  text.className = "label";
  text.textContent = label;
  button.append(text);
  button.setAttribute("aria-label", label);
  if (title) button.title = title;
  button.addEventListener("click", (event) => {
    event.preventDefault();
    if (event.isTrusted) press(event);
  });
  return button;
};

globalThis.mienIcon ??= (path, size = 16) => {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [name, value] of Object.entries({
    viewBox: "0 0 24 24",
    width: size,
    height: size,
    fill: "none",
    stroke: "currentColor",
    "stroke-width": 2,
    "stroke-linecap": "round",
    "stroke-linejoin": "round",
    "aria-hidden": "true",
  })) {
    svg.setAttribute(name, String(value));
  }
  const line = document.createElementNS(svg.namespaceURI, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
};

globalThis.mienIcons ??= Object.freeze({
  cross: "M6 6l12 12M18 6L6 18",
  undo: "M9 7L4 12l5 5M4 12h11a5 5 0 0 1 0 10h-3",
  compare: "M12 3v18M8 7H5a2 2 0 0 0-2 2v6a2 2 0 0 0 2 2h3M16 7h3a2 2 0 0 1 2 2v6a2 2 0 0 1-2 2h-3",
  frame: "M4 5h16v14H4zM10 9l5 3-5 3z",
  swap: "M4 9a6 6 0 0 1 11-3M20 15a6 6 0 0 1-11 3M15 2v4h-4M9 22v-4h4",
  warning: "M12 8v5M12 16.5v.01M10.3 4.2L2.9 17a2 2 0 0 0 1.7 3h14.8a2 2 0 0 0 1.7-3L13.7 4.2a2 2 0 0 0-3.4 0z",
});
