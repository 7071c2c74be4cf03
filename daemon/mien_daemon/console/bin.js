// Results that a person deletes: off the page at once; off the disk when *Undo* has gone or the page is left.
const KEPT = "mien.bin";
const AT_ONCE = 1000; // as the API takes them
const OVERDUE_MS = 60_000; // the page that put them there has crashed: it would have deleted them

/** Tells "back" with `detail.ids` when results come back. */
export class Bin extends EventTarget {
  /**
   * @param {import("./api.js").Api} api
   * @param {import("./job-list.js").JobList} jobs
   * @param {Storage} storage  outlives the page: what is in the bin is deleted, also after a crash
   */
  constructor(api, jobs, storage) {
    super();
    this.api = api;
    this.jobs = jobs;
    this.storage = storage;
    /** @type {string[][]} each deletion is taken back as a whole; the last one first */
    this.held = [];
  }

  /** @param {string[]} ids */
  put(ids) {
    this.held.push(ids);
    this.write({ ...this.kept(), ...Object.fromEntries(ids.map((id) => [id, Date.now()])) });
    this.jobs.hide(ids);
    return ids;
  }

  /** The last deletion, or this one; false when it is too late. */
  takeBack(ids = this.held.at(-1)) {
    if (!ids || !this.held.includes(ids)) return false;
    this.release(ids);
    this.jobs.show(ids);
    this.dispatchEvent(new CustomEvent("back", { detail: { ids } }));
    return true;
  }

  /** Delete them for good; what is refused is back on the page. */
  async empty(ids) {
    if (!this.held.includes(ids)) return;
    try {
      await this.send(ids);
    } catch (error) {
      this.takeBack(ids);
      throw error;
    }
    this.release(ids); // the daemon tells of each job that goes
  }

  /** The page is being left: nothing waits for the answer. */
  leave() {
    for (const ids of this.held) this.send(ids, { keepalive: true }).catch(() => {}); // the next page does it
  }

  /** Delete what a page that crashed has left in the bin. */
  async sweep() {
    const kept = Object.entries(this.kept());
    const ids = kept.filter(([, at]) => Date.now() - at > OVERDUE_MS).map(([id]) => id);
    if (ids.length === 0) return;
    await this.send(ids);
    this.release(ids);
  }

  /** All at once: of a page that is left nothing is sent later. */
  async send(ids, init = {}) {
    const parts = Array.from({ length: Math.ceil(ids.length / AT_ONCE) }, (_, at) =>
      ids.slice(at * AT_ONCE, (at + 1) * AT_ONCE),
    );
    await Promise.all(parts.map((jobs) => this.api.post("/v1/jobs/delete", { jobs }, init)));
  }

  release(ids) {
    this.held = this.held.filter((each) => each !== ids);
    const kept = this.kept();
    for (const id of ids) delete kept[id];
    this.write(kept);
  }

  /** @returns {Record<string, number>} when each went in, in milliseconds since the epoch */
  kept() {
    return JSON.parse(this.storage.getItem(KEPT) ?? "{}");
  }

  write(kept) {
    if (Object.keys(kept).length === 0) this.storage.removeItem(KEPT);
    else this.storage.setItem(KEPT, JSON.stringify(kept));
  }
}
