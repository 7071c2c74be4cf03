// Whose face a picture gets: one click on a plate that lies on the picture.

globalThis.MienFacePlate ??= class MienFacePlate {
  #plate;

  /**
   * @param {Element} element  the picture.
   * @param {{ id: string, name: string, picture: string | null }[]} faces  `picture` is base64 of a small JPEG.
   * @param {string | null} chosenId  the face that was used last.
   * @param {{ onChoose: (face: { id: string, name: string }) => void, onAdd: () => void, onCancel: () => void }} heard
   */
  constructor(element, faces, chosenId, { onChoose, onAdd, onCancel }) {
    const say = (key) => chrome.i18n.getMessage(key);
    const title = mienElement("div", "title", say(faces.length ? "faces_title" : "faces_none_yet"));
    const head = mienElement("div", "head");
    const target = this.#targetOf(element);
    head.append(...(target ? [target] : []), title, mienButton(say("cancel"), onCancel, { className: "close" }));
    const list = mienElement("div", "choices");
    for (const face of faces) list.append(this.#choice(face, face.id === chosenId, () => onChoose(face)));
    list.append(
      mienButton(say(faces.length ? "face_add" : "face_title"), onAdd, {
        className: faces.length ? "choice add" : "first",
      }),
    );
    list.addEventListener("keydown", (event) => this.#onArrow(event, list));
    this.#plate = new MienPlate(element, {
      name: title.textContent ?? "",
      className: "of-faces",
      nodes: [head, list],
      onEscape: onCancel,
    });
  }

  remove() {
    this.#plate.remove();
  }

  /** A small likeness of the picture itself: the plate lies over it. Drawn, not read: any site's picture may be. */
  #targetOf(element) {
    const drawable = [HTMLImageElement, HTMLCanvasElement, HTMLVideoElement].some((kind) => element instanceof kind);
    if (!drawable) return null;
    const canvas = mienElement("canvas", "target");
    canvas.width = canvas.height = 88;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", chrome.i18n.getMessage("face_target"));
    const image = /** @type {any} */ (element);
    const width = image.naturalWidth ?? image.videoWidth ?? image.width;
    const height = image.naturalHeight ?? image.videoHeight ?? image.height;
    const side = Math.min(width, height);
    canvas.getContext("2d")?.drawImage(image, (width - side) / 2, (height - side) / 2, side, side, 0, 0, 88, 88);
    return canvas;
  }

  #choice({ name, picture }, isLast, choose) {
    const button = mienButton(name, choose, { className: "choice", title: name });
    const round = mienElement("span", "round", picture ? "" : [...name][0]);
    round.setAttribute("aria-hidden", "true");
    if (picture) {
      const image = mienElement("img");
      image.alt = "";
      image.src = URL.createObjectURL(new Blob([mienBytes(picture)], { type: "image/jpeg" }));
      image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
      round.append(image);
    }
    if (isLast) button.dataset.last = "";
    button.prepend(round);
    return button;
  }

  #onArrow(event, list) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!event.isTrusted || !step) return;
    event.preventDefault();
    const buttons = [...list.querySelectorAll("button")];
    buttons[(buttons.indexOf(event.target) + step + buttons.length) % buttons.length]?.focus();
  }
};
