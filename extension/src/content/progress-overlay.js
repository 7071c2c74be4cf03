// The progress of a swap, or the problem that ended it, over the picture.

globalThis.MienProgressOverlay ??= class MienProgressOverlay {
  #overlay;
  #ring;
  #percent;
  #stage;
  #left;
  #progress;

  /** @param {{onCancel: () => void, onAct: (action: string) => void, onDismiss: () => void}} listeners */
  constructor(overlay, listeners) {
    this.#overlay = overlay;
    this.listeners = listeners;
  }

  /** @param {{words: string, left: string, fraction: number | null}} progress */
  show({ words, left, fraction }) {
    if (!this.#progress) this.#build();
    this.#stage.textContent = words;
    this.#left.textContent = left;
    const unknown = fraction === null;
    this.#ring.classList.toggle("unknown", unknown);
    this.#ring.querySelector(".done").style.strokeDashoffset = String(100 - 100 * (fraction ?? 0));
    this.#percent.textContent = unknown ? "" : `${Math.round(fraction * 100)}%`;
    if (unknown) this.#ring.removeAttribute("aria-valuenow");
    else this.#ring.setAttribute("aria-valuenow", String(Math.round(fraction * 100)));
  }

  /** @param {{words: string, action: string | null, label: string | null}} problem */
  fail({ words, action, label }) {
    this.#progress = null;
    const overlay = mienElement("div", "progress failed");
    overlay.setAttribute("role", "alertdialog");
    overlay.setAttribute("aria-label", words);
    const card = mienElement("div", "card");
    const sign = mienElement("div", "sign");
    sign.append(mienIcon(mienIcons.warning, 20));
    const reason = mienElement("div", "reason", words);
    const actions = mienElement("div", "actions");
    if (action && label) actions.append(mienButton(label, () => this.listeners.onAct(action), { className: "first" }));
    actions.append(mienButton(chrome.i18n.getMessage("close"), () => this.listeners.onDismiss()));
    card.append(sign, reason, actions);
    overlay.append(card);
    this.#onEscape(overlay, () => this.listeners.onDismiss());
    this.#overlay.allowRoom(220, 150);
    this.#overlay.set(overlay);
  }

  #build() {
    this.#overlay.allowRoom(0, 0);
    this.#progress = mienElement("div", "progress");
    const card = mienElement("div", "card");
    this.#ring = mienElement("div", "ring");
    this.#ring.setAttribute("role", "progressbar");
    this.#ring.setAttribute("aria-label", chrome.i18n.getMessage("swap_progress"));
    this.#ring.setAttribute("aria-valuemin", "0");
    this.#ring.setAttribute("aria-valuemax", "100");
    this.#percent = mienElement("div", "percent");
    this.#percent.setAttribute("aria-hidden", "true");
    this.#ring.append(mienCircles(), this.#percent);
    const words = mienElement("div", "words");
    words.setAttribute("role", "status");
    this.#stage = mienElement("div", "stage");
    this.#left = mienElement("div", "left");
    words.append(this.#stage, this.#left);
    const icon = { icon: mienIcons.cross };
    card.append(
      this.#ring,
      words,
      mienButton(chrome.i18n.getMessage("cancel"), () => this.listeners.onCancel(), icon),
    );
    this.#progress.append(card);
    this.#onEscape(this.#progress, () => this.listeners.onCancel());
    this.#overlay.set(this.#progress);
  }

  #onEscape(overlay, leave) {
    overlay.addEventListener("keydown", (event) => {
      if (event.isTrusted && event.key === "Escape") leave();
    });
  }
};

globalThis.mienElement ??= (name, className = "", text = "") => {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
};

globalThis.mienCircles ??= () => {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 60 60");
  for (const name of ["all", "done"]) {
    const circle = document.createElementNS(svg.namespaceURI, "circle");
    circle.setAttribute("class", name);
    for (const [key, value] of Object.entries({ cx: 30, cy: 30, r: 26, pathLength: 100 }))
      circle.setAttribute(key, String(value));
    svg.append(circle);
  }
  return svg;
};
