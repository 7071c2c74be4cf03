// The mark on an edited picture: that it was edited, the original while a button is held, and the way back.

globalThis.MienMark ??= class MienMark {
  /** @param {{onUndo: () => void, onCompare: (original: boolean) => void}} listeners @param {string} note */
  constructor(overlay, listeners, note) {
    const mark = mienElement("div", "mark");
    mark.setAttribute("role", "group");
    mark.setAttribute("aria-label", chrome.i18n.getMessage("mark_edited"));
    const words = mienElement("span", "note", note);
    const tools = mienElement("div", "tools");
    this.original = mienElement("div", "original", chrome.i18n.getMessage("mark_original"));
    this.original.hidden = true;
    this.listeners = listeners;
    const undo = mienButton(chrome.i18n.getMessage("mark_undo"), () => listeners.onUndo(), { icon: mienIcons.undo });
    tools.append(this.#compareButton(), undo);
    const badge = mienButton("", () => mark.classList.toggle("open"), { className: "badge", icon: mienIcons.swap });
    badge.setAttribute("aria-label", note);
    badge.title = note;
    mark.append(words, tools, badge);
    const said = mienElement("div", "unseen");
    said.setAttribute("role", "status");
    overlay.allowRoom(0, 0);
    overlay.hidesUnder = true;
    overlay.set(mark, this.original, said);
    overlay.place();
    requestAnimationFrame(() => (said.textContent = note)); // a region that is there first is read out
  }

  /** Held with the pointer, or with Space or Enter: the original for so long. */
  #compareButton() {
    const label = chrome.i18n.getMessage("mark_compare");
    const button = mienButton(label, () => {}, { icon: mienIcons.compare });
    const show = (original) => (event) => {
      if (!event.isTrusted || this.original.hidden === !original) return;
      this.original.hidden = !original;
      button.setAttribute("aria-pressed", String(original));
      this.listeners.onCompare(original);
    };
    const isKey = ({ key }) => key === " " || key === "Enter";
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("pointerdown", (event) => {
      if (event.isTrusted) button.setPointerCapture(event.pointerId);
      show(true)(event);
    });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture", "blur"])
      button.addEventListener(end, show(false));
    button.addEventListener("keydown", (event) => isKey(event) && show(true)(event));
    button.addEventListener("keyup", (event) => isKey(event) && show(false)(event));
    return button;
  }
};
