// Every job this page knows of, kept in step with the daemon's events.
import { Staleness } from "./staleness.js";

const PAGE = 100;
const OVER = new Set(["done", "failed", "cancelled"]);

export const isOver = (job) => OVER.has(job.state);

export class JobList extends EventTarget {
  constructor(api, events) {
    super();
    this.api = api;
    this.jobs = new Map();
    /** @type {Set<string>} what was deleted here, and may be taken back yet */
    this.hidden = new Set();
    this.staleness = new Staleness();
    this.next = null;
    this.loaded = false;
    /** @type {Promise<void>} the last page that was asked for; the next waits for it */
    this.asking = Promise.resolve();
    /** @type {Promise<void> | null} a reload that has not begun yet: a second wish waits for it */
    this.reload = null;
    /** @type {Promise<void> | null} a page more, until it has come */
    this.coming = null;
    events.addEventListener("up", () => this.load());
    events.addEventListener("on:reset", () => this.load());
    events.addEventListener("on:job", ({ detail }) => this.hear(detail));
    events.addEventListener("on:job-deleted", ({ detail }) => this.drop(detail.id));
  }

  /** Load the latest jobs anew, as many as were known: the list that is on the page keeps its length. */
  load() {
    this.reload ??= this.inTurn(async () => {
      this.reload = null;
      const [wanted, mark] = [this.jobs.size, this.staleness.mark()];
      const latest = [];
      let next = null;
      do {
        const page = await this.pageAt(next);
        if (!page) return this.changed(); // who waits for an answer need not wait for another
        latest.push(...page.jobs);
        next = page.next;
      } while (next && latest.length < wanted);
      const told = latest.filter(({ id }) => !this.staleness.isOld(id, mark));
      const heard = [...this.jobs.values()].filter(({ id }) => this.staleness.isOld(id, mark));
      this.jobs = new Map([...told, ...heard].map((job) => [job.id, job]));
      this.next = next;
      this.loaded = true;
      this.changed();
    });
    return this.reload;
  }

  /** One page more; who asks while it is on its way waits for the same. */
  more() {
    this.coming ??= this.inTurn(async () => {
      if (!this.next) return;
      const mark = this.staleness.mark();
      const page = await this.pageAt(this.next);
      this.next = page?.next ?? null;
      this.takeAnswer(page?.jobs ?? [], mark);
    }).finally(() => (this.coming = null));
    return this.coming;
  }

  /** Run `work` after the pages that were asked for before: the list has an end, and no hole before it. */
  inTurn(work) {
    const done = this.asking.then(work);
    this.asking = done.catch(() => {});
    return done;
  }

  /** Every job of a group. */
  async moreOf(group) {
    let query = `limit=${PAGE}&group=${encodeURIComponent(group)}`;
    while (query) {
      const mark = this.staleness.mark();
      const page = await this.page(query);
      this.takeAnswer(page?.jobs ?? [], mark);
      query = page?.next ? `limit=${PAGE}&group=${encodeURIComponent(group)}&cursor=${page.next}` : "";
    }
  }

  /** Ask for something that answers with a job. */
  async post(path, body) {
    const mark = this.staleness.mark();
    const job = await this.api.post(path, body);
    this.takeAnswer([job], mark);
    return job;
  }

  /** The job, asked for if it is not in the list; undefined when there is none. */
  async find(id) {
    if (!this.jobs.has(id)) {
      const mark = this.staleness.mark();
      const job = await this.api.get(`/v1/jobs/${id}`).catch(ignoreRefusal);
      if (job) this.takeAnswer([job], mark);
    }
    return this.jobs.get(id);
  }

  get(id) {
    return this.jobs.get(id);
  }

  get all() {
    const known = [...this.jobs.values()];
    return this.hidden.size === 0 ? known : known.filter(({ id }) => !this.hidden.has(id));
  }

  /** Leave jobs out of `all`, as if they were deleted. @param {string[]} ids */
  hide(ids) {
    for (const id of ids) this.hidden.add(id);
    this.changed();
  }

  /** Those of them that are still there. @param {string[]} ids */
  show(ids) {
    for (const id of ids) this.hidden.delete(id);
    this.changed();
  }

  /** An event; a job that this page knew as unfinished and that has ended is told as "finished". */
  hear(job) {
    this.staleness.note(job.id);
    const before = this.jobs.get(job.id);
    this.jobs.set(job.id, { ...before, ...job });
    this.changed();
    if (before && !isOver(before) && isOver(job)) this.dispatchEvent(new CustomEvent("finished", { detail: job }));
  }

  drop(id) {
    this.staleness.note(id);
    this.jobs.delete(id);
    this.hidden.delete(id);
    this.changed();
  }

  takeAnswer(jobs, mark) {
    for (const job of jobs) if (!this.staleness.isOld(job.id, mark)) this.jobs.set(job.id, job);
    this.changed();
  }

  pageAt(cursor) {
    return this.page(`limit=${PAGE}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
  }

  page(query) {
    return this.api.get(`/v1/jobs?${query}`).catch(ignoreRefusal);
  }

  changed() {
    this.dispatchEvent(new Event("change"));
  }
}

function ignoreRefusal(error) {
  if (!error.document) throw error;
  return null;
}
