// A plate with words or faces at the picture, or at the pointer where there is no picture: always wholly in view. It
// takes the focus, for the person has just asked for something, and gives it back.

globalThis.MienPlate ??= class MienPlate {
  static #GAP = 8;
  #overlay;
  #plate;
  #before = document.activeElement;

  /**
   * @param {Element} element  the picture, or what is at the pointer.
   * @param {{ name: string, className?: string, nodes: Node[], onEscape: () => void,
   *   point?: { x: number, y: number } | null }} what  `name` is what a screen reader calls it.
   */
  constructor(element, { name, className = "", nodes, onEscape, point = null }) {
    this.#plate = mienElement("div", `plate ${className}`);
    this.#plate.setAttribute("role", "dialog");
    this.#plate.setAttribute("aria-label", name);
    this.#plate.tabIndex = -1;
    this.#plate.append(...nodes);
    this.#plate.addEventListener("keydown", (event) => {
      if (!event.isTrusted) return;
      if (event.key === "Escape") onEscape();
      if (event.key === "Tab") this.#keepFocus(event);
    });
    this.#overlay = new MienOverlay(element);
    this.#overlay.beyond((box) => this.#place(point ? { ...point, width: 0, height: 0 } : box));
    this.#overlay.set(this.#plate);
    this.#overlay.place();
    const first = this.#plate.querySelector("[data-last]") ?? this.#plate.querySelector("button:not(.close)");
    first.focus();
  }

  remove() {
    const had = this.#overlay.hasFocus;
    this.#overlay.remove();
    if (had && this.#before instanceof HTMLElement && this.#before.isConnected) this.#before.focus();
  }

  /** In the middle of the picture where that is in view, else as near as the window lets it. */
  #place({ x, y, width, height }) {
    const gap = MienPlate.#GAP;
    const { offsetWidth, offsetHeight, style } = this.#plate;
    const within = (at, size, room) => Math.max(gap, Math.min(at, room - size - gap));
    const isPoint = !width && !height;
    const left = isPoint ? x : x + (width - offsetWidth) / 2;
    const top = isPoint ? y : y + (height - offsetHeight) / 2;
    style.left = `${within(left, offsetWidth, innerWidth)}px`;
    style.top = `${within(top, offsetHeight, innerHeight)}px`;
  }

  /** Round and round inside the plate: behind it lies a page that knows nothing of it. */
  #keepFocus(event) {
    const buttons = [...this.#plate.querySelectorAll("button")];
    const at = buttons.indexOf(/** @type {ShadowRoot} */ (this.#plate.getRootNode()).activeElement);
    const next = buttons[(at + (event.shiftKey ? -1 : 1) + buttons.length) % buttons.length];
    event.preventDefault();
    next?.focus();
  }
};

/** Something said where the person looks, with what can be done about it; `onLeave` hears that nothing is. */
globalThis.mienSay ??= (element, { words, point, acts = [], icon = mienIcons.warning, onLeave = null }) => {
  const sign = mienElement("div", icon === mienIcons.warning ? "sign" : "sign plain");
  sign.append(mienIcon(icon, 20));
  const reason = mienElement("div", "reason", words);
  const actions = mienElement("div", "actions");
  const leave = (act) => () => {
    plate.remove();
    act?.();
  };
  acts.forEach(({ label, act }, at) => {
    const button = mienButton(label, leave(act), { className: at ? "" : "first" });
    actions.append(button);
  });
  actions.append(mienButton(chrome.i18n.getMessage("close"), leave(onLeave)));
  const nodes = [sign, reason, actions];
  const plate = new MienPlate(element, { name: words, nodes, onEscape: leave(onLeave), point });
  return plate;
};
