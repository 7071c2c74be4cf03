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

  /** @type {{ video: HTMLVideoElement, plate: { remove: () => void } } | null} */
  let offered = null; // the plate that asks about a video's frame

  const swapOf = (element) => [...swaps.values()].find((swap) => swap.element === element);

  /** Ask no more about a frame; the video plays on unless it is what is `wanted`. */
  const withdraw = (wanted) => {
    if (!offered) return;
    const { video, plate } = offered;
    offered = null;
    plate.remove();
    if (video !== wanted) video.play().catch(() => {}); // a page may have taken it away
  };

  const label = (key) => chrome.i18n.getMessage(key);

  /** Once the order has been answered, a turn of the queue from now, and before another one. */
  const afterAnswer = async (work) => {
    await null;
    await null;
    work();
  };

  /** A picture that shows a result already is swapped from its original, not from that; a swap under way is stopped. */
  const begin = (element, shown = mienSource.of(element)) => {
    withdraw(element);
    const known = swapOf(element);
    if (element instanceof HTMLVideoElement) element.pause(); // the frame that was meant
    const source = known?.originalSource() ?? shown;
    known?.stop();
    const id = crypto.getRandomValues(new Uint32Array(4)).join("-"); // randomUUID is kept from plain http pages
    const swap = new MienSwap(id, element, source, { tell, onEnd: () => swaps.delete(id) });
    swaps.set(id, swap);
    return swap;
  };

  /** What the background must know of a picture. It goes on while the overlay is drawn. */
  const describe = (swap) => {
    afterAnswer(() => swap.show({ words: label("stage_reading"), left: "", fraction: null }));
    return { found: true, pictureId: swap.id, source: swap.source, box: swap.box(), pageUrl: location.href };
  };

  /** Let the person point at the picture; `request` names the background's own note of what was asked for. */
  const pickFor = async (request) => {
    const element = await mienPick();
    if (element) tell({ do: "picked", request, ...describe(begin(element)) });
  };

  const pick = (request) => ({ label: label("remedy_pick"), act: () => pickFor(request) });

  /** The browser named a picture that the page shows no more: it changed while the menu was open. */
  const sayGone = (request) => {
    const { element, point } = mienFinder.lookedAt();
    mienSay(element, { words: label("problem_picture_gone"), point, acts: [pick(request)] });
  };

  /** The video that the person clicked plays: it is paused at this frame until the person answers. */
  const offerFrame = (video, request) => {
    withdraw(video);
    video.pause();
    const swap = () => tell({ do: "picked", request, ...describe(begin(video)) });
    const plate = mienSay(video, {
      words: label("frame_playing"),
      point: mienFinder.lookedAt().point,
      icon: mienIcons.frame,
      acts: [{ label: label("menu_swap_frame"), act: swap }],
      onLeave: () => withdraw(null),
    });
    offered = { video, plate };
  };

  /** What is embedded here cannot be read as a picture; as a screenshot it can be seen. */
  const offerScreenshot = (element, request) => {
    const shown = { kind: "page", url: "" };
    const swap = () => tell({ do: "picked", request, ...describe(begin(element, shown)) });
    const acts = [{ label: label("embedded_shown"), act: swap }, pick(request)];
    mienSay(element, { words: label("problem_embedded"), point: mienFinder.lookedAt().point, acts });
  };

  const orders = {
    find({ hint }) {
      const element = mienFinder.find(hint);
      const embedded = element ? null : mienFinder.embedded();
      if (element && !mienFinder.playsUnder(element)) return describe(begin(element));
      if (element) offerFrame(element, hint.pick);
      else if (embedded) offerScreenshot(embedded, hint.pick);
      else if (hint.srcUrl) sayGone(hint.pick);
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
      swap?.stop();
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
