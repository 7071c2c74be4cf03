// Find the picture that was meant: the one under the pointer when the menu opened, as exactly as the browser tells.

globalThis.mienFinder ??= (() => {
  const SMALLEST_PX = 32;
  /** @type {{ x: number, y: number, target: EventTarget } | null} the last right click in this page's life */
  let last = null;

  addEventListener(
    "contextmenu",
    (event) => {
      if (event.isTrusted) last = { x: event.clientX, y: event.clientY, target: event.composedPath()[0] };
    },
    { capture: true, passive: true },
  );

  /** Also of a closed one: browsers let an extension look, as they let it look at the page. */
  const shadowOf = (element) => {
    if (element.shadowRoot || !(element instanceof HTMLElement)) return element.shadowRoot;
    return globalThis.chrome?.dom?.openOrClosedShadowRoot?.(element) ?? element["openOrClosedShadowRoot"] ?? null;
  };

  const isPicture = (element) => {
    const { width, height } = element.getBoundingClientRect();
    return width >= SMALLEST_PX && height >= SMALLEST_PX && mienSource.of(element) !== null;
  };

  /**
   * Everything at a point, through shadow roots, topmost first.
   * @param {number} x
   * @param {number} y
   * @param {DocumentOrShadowRoot} root
   * @returns {Element[]}
   */
  const at = (x, y, root = document) =>
    root.elementsFromPoint(x, y).flatMap((element) => {
      const shadowRoot = shadowOf(element);
      const inner = shadowRoot ? at(x, y, shadowRoot).filter((other) => shadowRoot.contains(other)) : [];
      return [...inner, element];
    });

  const pictureAt = (x, y) => at(x, y).find(isPicture) ?? null;

  /** The picture that the pointer is on by the browser's own account: menus keep `:hover` as it was. */
  const hovered = () => {
    const chain = [...document.querySelectorAll(":hover")].reverse();
    const direct = chain.slice(0, 2).find(isPicture);
    if (direct) return direct;
    for (const around of chain.slice(0, 4)) {
      const pictures = [...around.querySelectorAll("img, canvas, video, svg image")].filter(isPicture);
      if (pictures.length === 1) return pictures[0];
      if (pictures.length > 1) return null;
    }
    return null;
  };

  const shown = (element) => {
    const { top, bottom, left, right } = element.getBoundingClientRect();
    return bottom > 0 && right > 0 && top < innerHeight && left < innerWidth;
  };

  /** The image with this address: the clicked one, the hovered one, or the first in view. */
  const byAddress = (url) => {
    const same = everyImage(document).filter((image) => mienSource.urlOf(image) === url);
    const here = last ? at(last.x, last.y) : [];
    const under = same.find((image) => here.includes(image));
    return under ?? same.find((image) => image.matches(":hover")) ?? same.find(shown) ?? same[0] ?? null;
  };

  const everyImage = (root) => {
    const own = [...root.querySelectorAll("img, svg image, input[type=image], object, embed")];
    const inner = [...root.querySelectorAll("*")].flatMap((element) => {
      const shadow = shadowOf(element);
      return shadow ? everyImage(shadow) : [];
    });
    return [...own, ...inner];
  };

  const byTarget = (id) => (id === undefined ? null : (globalThis.browser?.menus?.getTargetElement?.(id) ?? null));

  /** What lies on top at the last right click; with none in this page, where the pointer is. */
  const topmost = () => (last ? at(last.x, last.y)[0] : hoveredIn(document)) ?? null;

  const hoveredIn = (root) => {
    const inner = [...root.querySelectorAll(":hover")].at(-1);
    const shadow = inner && shadowOf(inner);
    return (shadow && hoveredIn(shadow)) ?? inner;
  };

  const looksEmbedded = (element) => element instanceof HTMLEmbedElement || element instanceof HTMLObjectElement;

  return {
    pictureAt,

    /** Whether a video plays under something of the page, so that no menu spoke of its frame. */
    playsUnder: (element) => element instanceof HTMLVideoElement && !element.paused && topmost() !== element,

    /** What is embedded at the pointer, if it is no picture. */
    embedded() {
      const top = topmost();
      return top && looksEmbedded(top) && !isPicture(top) ? top : null;
    },

    /** Where the person looks: the last right click, else the middle of what the pointer is on. */
    lookedAt() {
      const [under = document.documentElement] = [...document.querySelectorAll(":hover")].reverse();
      if (last) return { element: under, point: { x: last.x, y: last.y } };
      const { left, top, right, bottom } = under.getBoundingClientRect();
      const middle = (one, other, room) => (Math.max(0, one) + Math.min(room, other)) / 2;
      return { element: under, point: { x: middle(left, right, innerWidth), y: middle(top, bottom, innerHeight) } };
    },

    pictures: () => [...document.querySelectorAll("*")].filter((element) => isPicture(element) && shown(element)),

    /** @param {{srcUrl?: string, targetElementId?: number}} hint  what the browser's menu said. */
    find({ srcUrl, targetElementId }) {
      const target = byTarget(targetElementId);
      if (target && isPicture(target)) return target;
      if (srcUrl) return byAddress(srcUrl);
      if (last) return pictureAt(last.x, last.y);
      return hovered();
    },
  };
})();
