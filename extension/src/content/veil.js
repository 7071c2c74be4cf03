// The veil over a picture while it is being swapped, and the words there when it could not be.

globalThis.MienVeil ??= class MienVeil {
  #plate;
  #ring;
  #percent;
  #stage;
  #left;
  #veil;

  /** @param {{onCancel: () => void, onAct: (action: string) => void, onDismiss: () => void}} listeners */
  constructor(plate, listeners) {
    this.#plate = plate;
    this.listeners = listeners;
  }

  /** @param {{words: string, left: string, fraction: number | null}} progress */
  show({ words, left, fraction }) {
    if (!this.#veil) this.#build();
    this.#stage.textContent = words;
    this.#left.textContent = left;
    const unknown = fraction === null;
    this.#ring.classList.toggle('unknown', unknown);
    this.#ring.querySelector('.done').style.strokeDashoffset = String(100 - 100 * (fraction ?? 0));
    this.#percent.textContent = unknown ? '' : `${Math.round(fraction * 100)}%`;
    if (unknown) this.#ring.removeAttribute('aria-valuenow');
    else this.#ring.setAttribute('aria-valuenow', String(Math.round(fraction * 100)));
  }

  /** @param {{words: string, action: string | null, label: string | null}} problem */
  fail({ words, action, label }) {
    this.#veil = null;
    const veil = mienElement('div', 'veil failed');
    veil.setAttribute('role', 'alertdialog');
    veil.setAttribute('aria-label', words);
    const card = mienElement('div', 'card');
    const sign = mienElement('div', 'sign');
    sign.append(mienIcon(mienIcons.warning, 20));
    const reason = mienElement('div', 'reason', words);
    const actions = mienElement('div', 'actions');
    if (action) actions.append(mienButton(label, () => this.listeners.onAct(action), { className: 'first' }));
    actions.append(mienButton(chrome.i18n.getMessage('close'), () => this.listeners.onDismiss()));
    card.append(sign, reason, actions);
    veil.append(card);
    this.#onEscape(veil, () => this.listeners.onDismiss());
    this.#plate.allowRoom(220, 150);
    this.#plate.set(veil);
  }

  #build() {
    this.#plate.allowRoom(0, 0);
    this.#veil = mienElement('div', 'veil');
    const card = mienElement('div', 'card');
    this.#ring = mienElement('div', 'ring');
    this.#ring.setAttribute('role', 'progressbar');
    this.#ring.setAttribute('aria-label', chrome.i18n.getMessage('swap_progress'));
    this.#ring.setAttribute('aria-valuemin', '0');
    this.#ring.setAttribute('aria-valuemax', '100');
    this.#percent = mienElement('div', 'percent');
    this.#percent.setAttribute('aria-hidden', 'true');
    this.#ring.append(mienCircles(), this.#percent);
    const words = mienElement('div', 'words');
    words.setAttribute('role', 'status');
    this.#stage = mienElement('div', 'stage');
    this.#left = mienElement('div', 'left');
    words.append(this.#stage, this.#left);
    const icon = { icon: mienIcons.cross };
    card.append(this.#ring, words, mienButton(chrome.i18n.getMessage('cancel'), () => this.listeners.onCancel(), icon));
    this.#veil.append(card);
    this.#onEscape(this.#veil, () => this.listeners.onCancel());
    this.#plate.set(this.#veil);
  }

  #onEscape(veil, leave) {
    veil.addEventListener('keydown', (event) => {
      if (event.isTrusted && event.key === 'Escape') leave();
    });
  }
};

globalThis.mienElement ??= (name, className = '', text = '') => {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
};

globalThis.mienCircles ??= () => {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 60 60');
  for (const name of ['all', 'done']) {
    const circle = document.createElementNS(svg.namespaceURI, 'circle');
    circle.setAttribute('class', name);
    for (const [key, value] of Object.entries({ cx: 30, cy: 30, r: 26, pathLength: 100 })) circle.setAttribute(key, value);
    svg.append(circle);
  }
  return svg;
};
