// Which view is shown: the part of the address behind `#/`.
export class Router extends EventTarget {
  constructor(location, target, fallback) {
    super();
    this.location = location;
    this.fallback = fallback;
    target.addEventListener("hashchange", () => this.dispatchEvent(new Event("change")));
  }

  /** `{view, item}`: "#/results/abc" is the item "abc" of the results. */
  get place() {
    const [view, item] = this.location.hash.replace(/^#\/?/, "").split("/");
    return { view: view || this.fallback, item: item ? decodeURIComponent(item) : null };
  }

  go(view, item) {
    this.location.hash = item ? `#/${view}/${encodeURIComponent(item)}` : `#/${view}`;
  }
}
