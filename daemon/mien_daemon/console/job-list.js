// Every job this page knows of, kept in step with the daemon's events.
const PAGE = 100;
const OVER = new Set(["done", "failed", "cancelled"]);

export const isOver = (job) => OVER.has(job.state);

export class JobList extends EventTarget {
  constructor(api, events) {
    super();
    this.api = api;
    this.jobs = new Map();
    this.next = null;
    this.loaded = false;
    events.addEventListener("up", () => this.load());
    events.addEventListener("on:reset", () => this.load());
    events.addEventListener("on:queue", () => this.reorder());
    events.addEventListener("on:job", ({ detail }) => this.take(detail));
    events.addEventListener("on:job-deleted", ({ detail }) => this.drop(detail.id));
  }

  async load() {
    const page = await this.api.get(`/v1/jobs?limit=${PAGE}`).catch(ignoreRefusal);
    if (!page) return;
    this.jobs = new Map(page.jobs.map((job) => [job.id, job]));
    this.next = page.next;
    this.loaded = true;
    this.changed();
  }

  /** Another order of what waits, or more of it: only those that wait are asked for. */
  async reorder() {
    if (this.reordering) return;
    this.reordering = true;
    const page = await this.api.get(`/v1/jobs?state=queued&limit=${PAGE}`).catch(ignoreRefusal);
    this.reordering = false;
    for (const job of page?.jobs ?? []) this.jobs.set(job.id, job);
    this.changed();
  }

  async more() {
    if (!this.next) return;
    const cursor = this.next;
    this.next = null;
    const page = await this.api.get(`/v1/jobs?limit=${PAGE}&cursor=${encodeURIComponent(cursor)}`).catch(ignoreRefusal);
    if (!page) return;
    for (const job of page.jobs) this.jobs.set(job.id, job);
    this.next = page.next;
    this.changed();
  }

  /** News of one job, from an event or an answer. */
  take(job) {
    this.jobs.set(job.id, { ...this.jobs.get(job.id), ...job });
    this.changed();
  }

  drop(id) {
    this.jobs.delete(id);
    this.changed();
  }

  get(id) {
    return this.jobs.get(id);
  }

  /** The job, asked for if it is not in the list; undefined when there is none. */
  async find(id) {
    if (!this.jobs.has(id)) {
      const job = await this.api.get(`/v1/jobs/${id}`).catch(ignoreRefusal);
      if (job) this.take(job);
    }
    return this.jobs.get(id);
  }

  get all() {
    return [...this.jobs.values()];
  }

  changed() {
    this.dispatchEvent(new Event("change"));
  }
}

function ignoreRefusal(error) {
  if (!error.document) throw error;
  return null;
}
