// The jobs this browser has asked for. What is known of them lies in storage.session, one entry a job, so that the
// background may be cut off between any two lines: the next one reads the entries and continues.

import { Problem, problemOf } from "./problem.js";
import { sleep } from "./sleep.js";

const PREFIX = "job:";
const KEPT = 24; // finished jobs that the popup still lists
const PAUSES_MS = [500, 1000, 2000, 4000, 8000];
const OVER = new Set(["done", "failed", "cancelled"]);
const ALARM = "jobs";

/**
 * A job of this browser, as `storage.session` has it.
 * @typedef {{
 *   key: string, state: string, tabId: number, frameId: number, pictureId: string, createdAt: number,
 *   reference: { id: string, name: string } | null, request: any, progress: number, stage?: string, etaS?: number,
 *   daemonJob?: string, problem?: any, result?: any, screenshot?: boolean, finishedAt?: number,
 *   resultThumbnail?: string | null, thumbnail?: string | null, shown?: boolean,
 * }} Job
 */

/** @param {{ state: string }} job */
export const isOver = ({ state }) => OVER.has(state);

export class Jobs {
  /**
   * @param {object} parts
   * @param {typeof globalThis.chrome} parts.chrome
   * @param {any} parts.connection
   * @param {(job: Job, before: Job) => Promise<void>} parts.onChange  told of every step; the page's overlay hangs
   *   on it.
   * @param {(job: Job) => Promise<object>} parts.onResult  shows a result; what it returns is kept with the job.
   * @param {(milliseconds: number) => Promise<void>} [parts.pause]
   * @param {() => number} [parts.now]
   */
  constructor({ chrome, connection, onChange, onResult, pause = sleep, now = Date.now }) {
    this.memory = chrome.storage.session;
    this.alarms = chrome.alarms;
    this.connection = connection;
    this.onChange = onChange;
    this.onResult = onResult;
    this.pause = pause;
    this.now = now;
    /** @type {Promise<any>} the last write; the next waits for it */
    this.writing = Promise.resolve();
    this.following = new Map(); // key → promise, in this life of the background only
  }

  /** Every job, the newest first. @returns {Promise<Job[]>} */
  async all() {
    /** @type {Record<string, any>} */
    const kept = await this.memory.get(null);
    const jobs = Object.entries(kept).flatMap(([name, job]) => (name.startsWith(PREFIX) ? [job] : []));
    return jobs.sort((one, other) => other.createdAt - one.createdAt);
  }

  /** @returns {Promise<Job | null>} */
  async get(key) {
    /** @type {Record<string, any>} */
    const { [PREFIX + key]: job } = await this.memory.get(PREFIX + key);
    return job ?? null;
  }

  async find(wanted) {
    const names = Object.keys(wanted);
    return (await this.all()).find((job) => names.every((name) => job[name] === wanted[name])) ?? null;
  }

  async add(job) {
    const entry = { state: "sending", ...job, key: crypto.randomUUID(), progress: 0, createdAt: this.now() };
    const kept = this.memory.set({ [PREFIX + entry.key]: entry });
    await Promise.all([kept, this.alarms.create(ALARM, { periodInMinutes: 0.5 }), this.#forgetOldest()]);
    return entry;
  }

  /** Change an entry; what is over stays over. */
  update(key, changes) {
    return this.#inTurn(async () => {
      const job = await this.get(key);
      if (!job || isOver(job)) return job;
      const changed = { ...job, ...changes };
      if (isOver(changed)) changed.finishedAt = this.now();
      await this.memory.set({ [PREFIX + key]: changed });
      await this.onChange(changed, job);
      return changed;
    });
  }

  /** Note something about a job, over or not, that changes nothing for its picture. */
  note(key, facts) {
    return this.#inTurn(async () => {
      const job = await this.get(key);
      if (job) await this.memory.set({ [PREFIX + key]: { ...job, ...facts } });
    });
  }

  remove(key) {
    return this.#inTurn(() => this.memory.remove(PREFIX + key));
  }

  /** Run `work` after every earlier change: two that read and write one entry would undo each other. */
  #inTurn(work) {
    this.writing = this.writing.catch(() => {}).then(work);
    return this.writing;
  }

  /** Stop a job here at once, and there as soon as the daemon hears it. */
  async cancel(key) {
    const job = await this.get(key);
    if (!job || isOver(job)) return;
    await this.update(key, { state: "cancelled" });
    if (job.daemonJob) await this.connection.call((daemon) => daemon.cancelJob(job.daemonJob)).catch(() => {});
  }

  fail(key, error) {
    return this.update(key, { state: "failed", problem: problemOf(error).toJSON() });
  }

  /** Watch a job to its end; a second call joins the first. */
  follow(key) {
    if (!this.following.has(key)) {
      const watch = this.#follow(key).finally(() => this.following.delete(key));
      this.following.set(key, watch);
    }
    return this.following.get(key);
  }

  /** Watch every open job that is not being watched; `resend` continues those that were not sent yet. */
  async attach(resend) {
    const open = (await this.all()).filter((job) => !isOver(job));
    if (!open.length) await this.alarms.clear(ALARM);
    const sending = open.filter(({ state }) => state === "sending" || state === "asking");
    const sent = open.filter((job) => job.daemonJob);
    await Promise.all([...sending.map((job) => resend(job)), ...sent.map((job) => this.follow(job.key))]);
  }

  async #follow(key) {
    let failures = 0;
    /** @type {string | null} */
    let tag = null;
    for (;;) {
      const job = await this.get(key);
      if (!job || isOver(job)) return;
      try {
        const seen = await this.connection.call((daemon) => daemon.job(job.daemonJob, tag));
        failures = 0;
        tag = seen?.tag ?? tag;
        if (seen) await this.#take(job, seen.job);
        else await this.update(key, { polledAt: this.now() }); // this touch keeps the background awake
      } catch (error) {
        if (error.code !== "daemon-unreachable") {
          await this.fail(key, error);
          return;
        }
        tag = null;
        await this.update(key, { state: "waiting" });
        await this.pause(PAUSES_MS[Math.min(failures, PAUSES_MS.length - 1)]);
        failures += 1;
      }
    }
  }

  /** Take in what the daemon says of a job. */
  async #take(job, { state, stage, progress, eta_s: etaS, result, problem }) {
    if (state === "failed") {
      await this.fail(job.key, Problem.from(problem));
      return;
    }
    if (state !== "done") {
      await this.update(job.key, { state, stage, progress, etaS });
      return;
    }
    const facts = await this.onResult({ ...job, result });
    await this.update(job.key, { state, progress: 1, ...facts });
  }

  async #forgetOldest() {
    const over = (await this.all()).filter(isOver);
    await Promise.all(over.slice(KEPT).map(({ key }) => this.remove(key)));
  }
}
