// A page, as the background sees it: one frame of one tab, in which our script can be put and spoken to.

import { toBase64 } from "./bytes.js";
import { bytesOf } from "./picture.js";
import { Problem } from "./problem.js";
import { sleep } from "./sleep.js";

const PAUSES_MS = [50, 200, 500]; // a frame that is just being made refuses scripts for a moment
const PART = 4_000_000; // a message may have 64 MB; shorter ones let the page breathe
export const FILES = [
  "style",
  "frame",
  "overlay",
  "progress-overlay",
  "mark",
  "plate",
  "face-plate",
  "source",
  "replacement",
  "finder",
  "picker",
  "swap",
  "page-swap",
].map((name) => `src/content/${name}.js`);

export class Page {
  constructor(chrome, { tabId, frameId = 0 }, pause = sleep) {
    this.chrome = chrome;
    this.pause = pause;
    this.tabId = tabId;
    this.frameId = frameId;
  }

  /** Put our script in, once; putting it in again changes nothing. A page that refuses is asked a few times. */
  async enter() {
    const target = { tabId: this.tabId, frameIds: [this.frameId] };
    for (let tries = 0; ; tries += 1) {
      try {
        await this.chrome.scripting.executeScript({ target, files: FILES, injectImmediately: true });
        return;
      } catch (error) {
        if (tries === PAUSES_MS.length) throw new Problem("page-closed-to-us", { reason: withoutAddresses(error) });
        await this.pause(PAUSES_MS[tries]);
      }
    }
  }

  /** Ask the page's script; null when it is gone, because the person has moved on. */
  async ask(message) {
    try {
      return await this.chrome.tabs.sendMessage(this.tabId, message, { frameId: this.frameId });
    } catch {
      return null;
    }
  }

  find(hint) {
    return this.ask({ do: "find", hint });
  }

  async read(pictureId) {
    const answer = (await this.ask({ do: "read", pictureId })) ?? undefined;
    if (answer?.refusal) throw new Problem(answer.refusal);
    return bytesOf(answer);
  }

  /** Let the person choose a face on the picture. @returns {Promise<boolean>} whether the picture is still there. */
  async choose(pictureId, faces, chosenId) {
    const answer = await this.ask({ do: "choose", pictureId, faces, chosenId });
    return Boolean(answer?.shown);
  }

  show(pictureId, progress) {
    return this.ask({ do: "progress", pictureId, progress });
  }

  fail(pictureId, problem) {
    return this.ask({ do: "fail", pictureId, problem });
  }

  clear(pictureId) {
    return this.ask({ do: "clear", pictureId });
  }

  /**
   * Hand over a result; the page takes each job's result once.
   * @param {Blob} result
   * @returns {Promise<boolean>} whether it was shown.
   */
  async deliver(pictureId, jobKey, result, facts) {
    const order = { do: "deliver", pictureId, jobKey, facts };
    const taken = await this.ask({ ...order, result });
    if (!taken?.lost) return Boolean(taken?.shown);
    return this.#deliverAsText(order, new Uint8Array(await result.arrayBuffer()), result.type);
  }

  /** Chromium before 148 carries messages as JSON, in which a Blob is lost. */
  async #deliverAsText(order, bytes, mediaType) {
    const parts = Math.max(1, Math.ceil(bytes.length / PART));
    let taken = { shown: false };
    for (let part = 0; part < parts; part += 1) {
      const base64 = toBase64(bytes.subarray(part * PART, (part + 1) * PART));
      taken = await this.ask({ ...order, part, parts, base64, mediaType });
      if (!taken) return false;
    }
    return taken.shown;
  }
}

/** The browser's words for an error, which name the page's whole address; nothing else keeps that. */
function withoutAddresses(error) {
  return String(error).replaceAll(/\b[a-z-]+:\/\/[^\s"']*/g, "…");
}
