// Picking a picture by hand, where the browser could not say which one is meant: a light on the one under the pointer,
// a click or Enter takes it, Escape leaves. The page hears none of it.

globalThis.mienPick ??= () =>
  new Promise((resolve) => {
    const ended = new AbortController();
    const overlay = new MienOverlay(document.documentElement);
    let current = null;
    /** @type {any} the overlay that shows which picture is meant */
    let light = null;

    const finish = (picture) => {
      ended.abort();
      light?.remove();
      overlay.remove();
      resolve(picture);
    };
    const aim = (picture) => {
      if (picture === current) return;
      light?.remove();
      current = picture;
      light = picture && new MienOverlay(picture);
      light?.set(mienElement("div", "highlight"));
    };
    const step = (by) => {
      const pictures = mienFinder.pictures();
      const next = pictures[(pictures.indexOf(current) + by + pictures.length) % pictures.length];
      if (next) aim(next);
    };
    const keys = {
      Escape: () => finish(null),
      Enter: () => current && finish(current),
      Tab: (event) => step(event.shiftKey ? -1 : 1),
      ArrowRight: () => step(1),
      ArrowLeft: () => step(-1),
    };
    const seize = (kind, act) =>
      addEventListener(
        kind,
        (event) => {
          if (!event.isTrusted) return;
          event.preventDefault();
          event.stopImmediatePropagation();
          act?.(event);
        },
        { capture: true, signal: ended.signal },
      );

    seize("pointermove", ({ clientX, clientY }) => aim(mienFinder.pictureAt(clientX, clientY)));
    seize("keydown", (event) => keys[event.key]?.(event));
    seize("click", ({ clientX, clientY }) => finish(mienFinder.pictureAt(clientX, clientY)));
    for (const kind of ["pointerdown", "pointerup", "mousedown", "mouseup"]) seize(kind);

    const banner = mienElement("div", "banner", chrome.i18n.getMessage("picker_words"));
    banner.setAttribute("role", "status");
    overlay.set(banner);
  });
