// One picture of the page on its way from the person's click to the result, and back on undo.

globalThis.MienSwap ??= class MienSwap {
  #overlay;
  #progress;
  #ended = new AbortController();
  /** @type {any} */
  #replacement = null;
  /** @type {any} */
  #faces = null;
  /** @type {BlobPart[]} */
  #parts = [];
  /** @type {string | null} the job whose result is shown */
  #taken = null;

  constructor(id, element, source, { tell, onEnd }) {
    this.id = id;
    this.element = element;
    this.source = source;
    this.tell = tell;
    this.onEnd = onEnd;
    if (element instanceof HTMLVideoElement) this.#watchVideo(element);
  }

  /** The result belongs to one frame: it goes as soon as the video shows another one. */
  #watchVideo(video) {
    for (const event of ["play", "seeking", "emptied"])
      video.addEventListener(event, () => this.stop(), { signal: this.#ended.signal });
  }

  box() {
    return { ...mienFrame.of(this.element), viewportWidth: innerWidth };
  }

  /** What was there before the result; null while there is none. */
  originalSource() {
    if (this.element instanceof HTMLVideoElement) return null; // the frame under the result is there to be read
    return this.#replacement && mienSource.at(this.#replacement.originalUrl);
  }

  /** Ask whose face it gets. */
  choose(faces, chosenId) {
    this.#close();
    this.#faces = new MienFacePlate(this.element, faces, chosenId, {
      onChoose: ({ id, name }) => this.tell({ do: "face", pictureId: this.id, reference: { id, name } }),
      onAdd: () => this.tell({ do: "act", pictureId: this.id, action: "add" }),
      onCancel: () => this.#leave("cancel"),
    });
  }

  show(progress) {
    if (this.#faces) this.#close();
    this.#open();
    this.#progress.show(progress);
  }

  fail(problem) {
    if (this.#faces) this.#close();
    this.#open();
    this.#progress.fail(problem);
  }

  aside(aside) {
    if (aside) this.#close();
  }

  /** A part of the result; with the last one the picture changes. A job's result is taken once. */
  take({ jobKey, part, parts, base64, mediaType, facts }) {
    if (this.#taken === jobKey) return { shown: true };
    this.#parts[part] = mienBytes(base64);
    if (part < parts - 1) return { shown: false };
    const blob = new Blob(this.#parts, { type: mediaType });
    this.#parts = [];
    this.#taken = jobKey;
    this.#showResult(blob, facts);
    return { shown: true };
  }

  /** The picture as it was: a result goes, and the job of what has none yet is cancelled. */
  stop() {
    if (this.#replacement) this.undo();
    else this.#leave("cancel");
  }

  undo() {
    this.#replacement?.undo();
    this.end();
  }

  end() {
    this.#ended.abort();
    this.#close();
    this.#replacement = null;
    this.#taken = null;
    this.onEnd();
  }

  #showResult(blob, { note, size: [width, height] }) {
    const hadFocus = Boolean(this.#overlay?.hasFocus);
    this.#overlay ??= new MienOverlay(this.element);
    this.#replacement = new MienReplacement(
      this.element,
      URL.createObjectURL(blob),
      { width, height },
      { onMoved: (element) => this.#moveTo(element), onLost: () => this.end(), cover: (url) => this.#cover(url) },
    );
    const listeners = { onUndo: () => this.undo(), onCompare: (original) => this.#replacement.compare(original) };
    this.mark = new MienMark(this.#overlay, listeners, note);
    if (hadFocus) this.#overlay.focus(); // who waited on the progress goes on from the result
  }

  #moveTo(element) {
    this.element = element;
    this.#overlay.follow(element);
  }

  /** Canvases, and backgrounds under a strict policy, keep their own picture; the result lies over it. */
  #cover(url) {
    this.#overlay.cover(url, getComputedStyle(this.element));
  }

  #open() {
    if (this.#overlay) return;
    this.#overlay = new MienOverlay(this.element);
    this.#progress = new MienProgressOverlay(this.#overlay, {
      onCancel: () => this.#leave("cancel"),
      onDismiss: () => this.#leave("dismiss"),
      onAct: (action) => this.tell({ do: "act", pictureId: this.id, action }),
    });
  }

  #leave(how) {
    this.tell({ do: how, pictureId: this.id });
    this.end();
  }

  #close() {
    this.#overlay?.remove();
    this.#overlay = null;
    this.#faces?.remove();
    this.#faces = null;
  }
};

/** A loop where the browser has no way of its own: a callback for each of a megabyte's bytes is to be felt. */
globalThis.mienBytes ??= (base64) => {
  if (Uint8Array["fromBase64"]) return Uint8Array["fromBase64"](base64);
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
  return bytes;
};
