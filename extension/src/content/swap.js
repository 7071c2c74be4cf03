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

  /**
   * The result, or a part of it as text; when it is there the picture changes. A job's result is taken once.
   * @param {any} message
   * @returns {{ shown: boolean, lost?: boolean }}  `lost`: the message could not carry it.
   */
  take({ jobKey, result, facts, ...asText }) {
    if (this.#taken === jobKey) return { shown: true };
    const isText = "base64" in asText;
    const blob = isText ? this.#join(asText) : result;
    if (!(blob instanceof Blob)) return { shown: false, lost: !isText };
    this.#taken = jobKey;
    this.#showResult(blob, facts);
    return { shown: true };
  }

  /** The parts so far as a whole; null while some are to come. */
  #join({ part, parts, base64, mediaType }) {
    this.#parts[part] = mienBytes(base64);
    if (part < parts - 1) return null;
    return new Blob(this.#parts.splice(0), { type: mediaType });
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

  /** The overlay stays until the browser has read the result: its picture and the mark come with one drawing. */
  async #showResult(blob, { note, size: [width, height] }) {
    const url = URL.createObjectURL(blob);
    this.#overlay ??= new MienOverlay(this.element);
    const replacement = new MienReplacement(
      this.element,
      url,
      { width, height },
      { onMoved: (element) => this.#moveTo(element), onLost: () => this.end(), cover: (shown) => this.#cover(shown) },
    );
    this.#replacement = replacement;
    await mienRead(url);
    if (this.#replacement === replacement) this.#markResult(note);
  }

  #markResult(note) {
    const hadFocus = this.#overlay.hasFocus;
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

/** Until the browser has read a picture, or cannot. @param {string} url */
globalThis.mienRead ??= (url) =>
  new Promise((resolve) => {
    const image = new Image();
    image.onload = image.onerror = resolve;
    image.src = url;
  });

/** A loop where the browser has no way of its own: a callback for each of a megabyte's bytes is to be felt. */
globalThis.mienBytes ??= (base64) => {
  if (Uint8Array["fromBase64"]) return Uint8Array["fromBase64"](base64);
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
  return bytes;
};
