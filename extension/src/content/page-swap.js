// Our script in a page: does what the background says with the pictures here, and tells it what the person pressed.
// It knows nothing of the daemon. Put in twice, it stays the one it was.

globalThis.mienPage ??= (() => {
  const swaps = new Map(); // picture id → what is going on with it

  const tell = (message) => {
    try {
      chrome.runtime.sendMessage(message)?.catch?.(() => {});
    } catch {
      // the extension was updated or removed; what is on the page can still be undone
    }
  };

  const swapOf = (element) => [...swaps.values()].find((swap) => swap.element === element);

  /** A picture that shows a result already is swapped from its original, not from that. */
  const begin = (element) => {
    const known = swapOf(element);
    if (element instanceof HTMLVideoElement) element.pause(); // the frame that was meant
    const source = known?.originalSource() ?? mienSource.of(element);
    known?.undo();
    const id = crypto.getRandomValues(new Uint32Array(4)).join("-"); // randomUUID is kept from plain http pages
    const swap = new MienSwap(id, element, source, { tell, onEnd: () => swaps.delete(id) });
    swaps.set(id, swap);
    return swap;
  };

  const describe = (swap) => {
    swap.show({ words: chrome.i18n.getMessage("stage_reading"), left: "", fraction: null });
    return { found: true, pictureId: swap.id, source: swap.source, box: swap.box(), pageUrl: location.href };
  };

  /** Let the person point at the picture; `request` names the background's own note of what was asked for. */
  const pickFor = async (request) => {
    const element = await mienPick();
    if (element) tell({ do: "picked", request, ...describe(begin(element)) });
  };

  /** The browser named a picture that the page shows no more: it changed while the menu was open. */
  const sayGone = (request) => {
    const { element, point } = mienFinder.lookedAt();
    const pick = { label: chrome.i18n.getMessage("remedy_pick"), act: () => pickFor(request) };
    mienSay(element, { words: chrome.i18n.getMessage("problem_picture_gone"), point, acts: [pick] });
  };

  const orders = {
    find({ hint }) {
      const element = mienFinder.find(hint);
      if (element) return describe(begin(element));
      if (hint.srcUrl) sayGone(hint.pick);
      else pickFor(hint.pick);
      return { found: false };
    },
    choose({ pictureId, faces, chosenId }) {
      swaps.get(pictureId)?.choose(faces, chosenId);
      return { shown: swaps.has(pictureId) };
    },
    async read({ pictureId }) {
      const { element, source } = swaps.get(pictureId);
      const refusal = source.kind === "frame" ? await mienSource.whyNoFrame(element) : null;
      if (refusal) return { refusal };
      const blob = await mienSource.read(element, source);
      return { base64: blob && (await base64Of(blob)) };
    },
    /** The overlays step aside for a screenshot. */
    async aside({ pictureId, aside }) {
      swaps.get(pictureId)?.aside(aside);
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
      return { box: swaps.get(pictureId)?.box() ?? null };
    },
    progress: ({ pictureId, progress }) => swaps.get(pictureId)?.show(progress),
    fail: ({ pictureId, problem }) => swaps.get(pictureId)?.fail(problem),
    clear: ({ pictureId }) => swaps.get(pictureId)?.end(),
    deliver: (message) => swaps.get(message.pictureId)?.take(message) ?? null,
    restore({ hint }) {
      const element = mienFinder.find(hint);
      const swap = element && swapOf(element);
      swap?.undo();
      return { restored: Boolean(swap) };
    },
  };

  const base64Of = (blob) =>
    new Promise((resolve, reject) => {
      const reader = new FileReader();
      reader.onload = () => resolve(String(reader.result).split(",")[1]);
      reader.onerror = () => reject(reader.error);
      reader.readAsDataURL(blob);
    });

  chrome.runtime.onMessage.addListener((message, sender, respond) => {
    if (sender.id !== chrome.runtime.id || !(message.do in orders)) return false;
    Promise.resolve(orders[message.do](message)).then(
      (answer) => respond(answer ?? {}),
      () => respond(null),
    );
    return true;
  });
  return true;
})();
