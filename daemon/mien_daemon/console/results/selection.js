// Which results are chosen: one by one, or all between two.
export class Selection extends EventTarget {
  constructor() {
    super();
    /** @type {Set<string>} */
    this.ids = new Set();
    /** @type {string | null} where a range begins */
    this.anchor = null;
  }

  get size() {
    return this.ids.size;
  }

  has(id) {
    return this.ids.has(id);
  }

  /** Choose one or let it go; the next range begins there. */
  toggle(id) {
    if (!this.ids.delete(id)) this.ids.add(id);
    this.anchor = id;
    this.changed();
  }

  /** Choose all of these, or let them all go where all are chosen. @param {string[]} ids */
  toggleAll(ids) {
    const isWhole = ids.every((id) => this.ids.has(id));
    for (const id of ids) this.ids[isWhole ? "delete" : "add"](id);
    this.anchor = isWhole ? null : (ids[0] ?? null);
    this.changed();
  }

  /** Choose all that is shown. @param {string[]} order */
  addAll(order) {
    for (const id of order) this.ids.add(id);
    this.changed();
  }

  /** Choose everything from the anchor to `id`, in the order in which things are shown. */
  extend(id, order) {
    const [from, to] = [order.indexOf(this.anchor ?? id), order.indexOf(id)].sort((one, other) => one - other);
    for (const each of from < 0 ? [id] : order.slice(from, to + 1)) this.ids.add(each);
    this.anchor ??= id;
    this.changed();
  }

  /** Only what is still shown stays chosen. */
  keep(order) {
    const shown = new Set(order);
    const gone = [...this.ids].filter((id) => !shown.has(id));
    for (const id of gone) this.ids.delete(id);
    if (this.anchor && !shown.has(this.anchor)) this.anchor = null;
    if (gone.length > 0) this.changed();
  }

  clear() {
    this.ids.clear();
    this.anchor = null;
    this.changed();
  }

  changed() {
    this.dispatchEvent(new Event("change"));
  }
}
