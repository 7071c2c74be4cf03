// One swap, from the person's click to the job's end: this file is the story, the others do the work.

import { beginAhead } from "./ahead.js";
import { isAnimated } from "./animated.js";
import { hostOf, mayRead, patternsBeyond } from "./hosts.js";
import { isOver } from "./jobs.js";
import { Page } from "./page.js";
import { nameOf, readPicture } from "./picture.js";
import { postOnce } from "./post-once.js";
import { Problem, remedyFor, wordsFor } from "./problem.js";
import { progressOf } from "./progress.js";
import { screenshotOf } from "./screenshot.js";
import { sleep } from "./sleep.js";
import { toBase64 } from "./bytes.js";
import { thumbnailOf } from "./thumbnail.js";

const LIKENESS_AFTER_MS = 1000;

export class Swaps {
  /**
   * @param {{
   *   chrome: typeof globalThis.chrome, fetch: typeof globalThis.fetch, jobs: import("./jobs.js").Jobs,
   *   settings: import("./settings.js").Settings, connection: import("./connection.js").Connection,
   *   pendingRequests: import("./pending-requests.js").PendingRequests,
   *   pause?: (milliseconds: number) => Promise<void>,
   * }} app
   */
  constructor({ pause = sleep, ...app }) {
    this.app = { ...app, pause };
    this.sending = new Set(); // in this life of the background: an alarm must not send the same job beside us
  }

  /**
   * Find the picture, cover it with the overlay, and continue as soon as it is known whose face it gets.
   * @param {any} request  `{ tabId, frameId, windowId, tabUrl, hint, referenceId, ask }`; with none of the last two it
   *   gets the face that was used last, and the person chooses where there is none.
   */
  async start(request, granted = null) {
    const { chrome, settings, pendingRequests } = this.app;
    const page = new Page(chrome, request);
    const entering = page.enter();
    entering.catch(() => {}); // awaited below, if the site is not excluded
    const { reference, recentReferences, excludedSites } = await settings.all();
    if (excludedSites.includes(hostOf(request.tabUrl)))
      throw new Problem("excluded-site", { host: hostOf(request.tabUrl) });
    const named = recentReferences.find(({ id }) => id === request.referenceId);
    const asked = { ...request, reference: request.ask ? null : (named ?? reference) };
    const ahead = asked.reference && beginAhead(this.app, request, granted);
    const [pick] = await Promise.all([pendingRequests.keep(asked), entering]);
    const found = await page.find({ ...request.hint, pick });
    if (!found) throw new Problem("picture-gone");
    if (!found.found) return; // the page's script says so, and the person picks it by hand
    await Promise.all([pendingRequests.take(pick), this.take(asked, found, granted, ahead)]);
  }

  /**
   * Continue with a picture that was found or picked.
   * @param {any} request
   * @param {any} found
   * @param {Promise<boolean> | null} granted  the open question.
   * @param {import("./ahead.js").Ahead | null} ahead  what was begun at the click.
   */
  async take(request, { pictureId, source, box, pageUrl }, granted = null, ahead = null) {
    const { jobs } = this.app;
    const { tabId, frameId, windowId, reference } = request;
    const job = { tabId, frameId, pictureId, reference, request: { source, box, pageUrl, windowId } };
    if (!reference) {
      await this.chooseAgain(job);
      return;
    }
    // Where the browser may ask the person for a host, nothing is sent before the answer.
    const isAsked = granted && patternsBeyond(request.tabUrl, source.url).length > 0;
    const handing = isAsked ? null : this.#handOver(job, ahead);
    handing?.catch(() => {}); // `send` awaits it
    const added = await jobs.add(job);
    if (isAsked) await this.#untilAnswered(added, granted);
    await this.send(added, () => handing ?? this.#handOver(job, ahead));
  }

  /** The face was chosen for a picture that waits under its overlay. */
  async chosen(key, reference) {
    await this.app.settings.choose(reference);
    const job = key && (await this.app.jobs.update(key, { reference, state: "sending" }));
    if (job) await this.send(job);
  }

  /**
   * Hand the picture over, post the job, and watch. May be called again after any interruption.
   * @param {any} job
   * @param {() => Promise<any>} handOver  to whom the picture was given, and under which name.
   */
  async send(job, handOver = () => this.#handOver(job)) {
    const { jobs, settings } = this.app;
    if (this.sending.has(job.key) || isOver((await jobs.get(job.key)) ?? { state: "cancelled" })) return;
    this.sending.add(job.key);
    try {
      const [{ daemon, blob, bytes, screenshot }, { engine, faces }] = await Promise.all([handOver(), settings.all()]);
      const options = { faces, ...(engine ? { engine } : {}) };
      const label = { target: nameOf(job.request?.source) };
      const words = { kind: "swap", target: blob.name, reference: `ref:${job.reference.id}`, options, label };
      const daemonJob = await postOnce(daemon, words, job.key, blob.sent);
      // Whatever its state is by now: sent before an interruption it may be over, and its result still to be fetched.
      const sent = await jobs.update(job.key, { daemonJob, state: "queued", screenshot });
      if (!sent || isOver(sent)) return await daemon.cancelJob(daemonJob); // cancelled while it was on its way
      this.#noteLikeness(job.key, "thumbnail", new Blob([bytes]));
      await jobs.follow(job.key);
    } catch (error) {
      await jobs.fail(job.key, error);
    } finally {
      this.sending.delete(job.key);
    }
  }

  /** Once more, for a job that failed: a new job for the same picture. */
  async again({ key, tabId, frameId, pictureId, reference, request }) {
    await this.app.jobs.remove(key);
    const job = await this.app.jobs.add({ tabId, frameId, pictureId, reference, request });
    await this.send(job);
  }

  /** Once more, for what failed because this browser was not paired. */
  async afterPairing() {
    const left = (await this.app.jobs.all()).filter(
      ({ state, problem }) => state === "failed" && problem.code === "unpaired",
    );
    await Promise.all(left.map((job) => this.again(job)));
  }

  /**
   * Ask whose face this picture gets, the first time or after another face would not do.
   * @param {Pick<import("./jobs.js").Job, "tabId" | "frameId" | "pictureId" | "request"> & { key?: string }} job
   */
  async chooseAgain({ key, tabId, frameId, pictureId, request }) {
    if (key) await this.app.jobs.remove(key);
    const job = await this.app.jobs.add({ tabId, frameId, pictureId, reference: null, request, state: "choosing" });
    this.onChange(job);
    try {
      const [faces, { reference }] = await Promise.all([this.#faces(), this.app.settings.all()]);
      if ((await this.app.jobs.get(job.key))?.state === "choosing")
        await new Page(this.app.chrome, job).choose(pictureId, faces, reference?.id ?? null);
    } catch (error) {
      await this.app.jobs.fail(job.key, error);
    }
  }

  /** The library with a small picture of each, for the plate. */
  async #faces() {
    const { connection, settings } = this.app;
    const references = await connection.call((daemon) => daemon.references());
    await settings.reconcile(references);
    const pictureOf = async ({ id }) => {
      const blob = await connection.call((daemon) => daemon.referenceThumbnail(id));
      return toBase64(new Uint8Array(await blob.arrayBuffer()));
    };
    return Promise.all(
      references.map(async ({ id, name }) => ({ id, name, picture: await pictureOf({ id }).catch(() => null) })),
    );
  }

  /** Tell the page of each change of a job. This is not awaited: a dialog may have stopped the page. */
  onChange(job) {
    const { chrome } = this.app;
    const page = new Page(chrome, job);
    if (job.state === "failed") page.fail(job.pictureId, this.#spoken(job.problem));
    else if (job.state === "cancelled") page.clear(job.pictureId);
    else if (job.state !== "done") page.show(job.pictureId, progressOf(job, chrome.i18n));
  }

  /** A result has come: into the picture if it is still there, and into the popup's list in any case. */
  async onResult(job) {
    const { chrome, connection } = this.app;
    const result = await connection.call((daemon) => daemon.result(job.daemonJob));
    const note = chrome.i18n.getMessage(job.screenshot ? "mark_note_screenshot" : "mark_note", [job.reference.name]);
    const facts = { note, size: job.result.size };
    const shown = await new Page(chrome, job).deliver(job.pictureId, job.key, result, facts);
    this.#noteLikeness(job.key, "resultThumbnail", result);
    return { shown, request: null };
  }

  /** A likeness for the popup; not at once, for the processors are the swap's, or draw its result. */
  async #noteLikeness(key, name, picture) {
    await this.app.pause(LIKENESS_AFTER_MS);
    await this.app.jobs.note(key, { [name]: await thumbnailOf(picture) });
  }

  /**
   * Read the picture, prove the daemon, and give it the picture.
   * @param {Pick<import("./jobs.js").Job, "tabId" | "frameId" | "pictureId" | "request">} job
   * @param {import("./ahead.js").Ahead | null} ahead
   */
  async #handOver(job, ahead = null) {
    const proving = ahead?.daemon ?? this.app.connection.proved();
    const [{ bytes, screenshot }, daemon] = await Promise.all([this.#read(job, ahead?.picture), proving]);
    if (isAnimated(bytes)) throw new Problem("picture-animated");
    return { daemon, bytes, screenshot, blob: await daemon.beginBlob(bytes) };
  }

  /**
   * @param {Pick<import("./jobs.js").Job, "tabId" | "frameId" | "pictureId" | "request">} job
   * @param {import("./picture.js").Early | null} [early]
   */
  #read({ tabId, frameId, pictureId, request }, early = null) {
    const { chrome, fetch } = this.app;
    const { source, pageUrl, windowId } = request;
    const page = new Page(chrome, { tabId, frameId });
    const boxNow = async () => (await page.ask({ do: "aside", pictureId, aside: true }))?.box;
    const screenshot = () => screenshotOf(chrome, { windowId, frameId }, boxNow);
    const asPage = { read: () => page.read(pictureId) };
    return readPicture({ chrome, fetch, page: asPage, pageUrl, source, screenshot, early });
  }

  /** While the browser asks the person for a host, the overlay says why; the browser's own question does not. */
  async #untilAnswered({ key, request }, granted) {
    const { chrome, jobs } = this.app;
    this.sending.add(key); // an alarm must not send it before the answer
    const { url } = request.source;
    const isNew = !(await mayRead(chrome, url));
    if (isNew) await jobs.update(key, { state: "asking", host: hostOf(url) });
    await granted;
    if (isNew) await jobs.update(key, { state: "sending" });
    this.sending.delete(key);
  }

  #spoken(problem) {
    const { i18n } = this.app.chrome;
    const action = remedyFor(problem);
    return { words: wordsFor(problem, i18n), action, label: action && i18n.getMessage(`remedy_${action}`) };
  }
}
