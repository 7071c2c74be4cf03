// A pairing under way. It lives in the background, for the popup shuts as soon as the person looks at the tray; how it
// stands lies in storage.session, and the popup and the options show that.

import { pair } from "./pairing.js";
import { Problem, problemOf } from "./problem.js";

const KEPT = "pairing";
const AWAKE_MS = 8000; // a background that only waits is cut off after 30 s

/**
 * How a pairing stands: `asking` Mien, `comparing` the digits, `approving` over there; `failed` with its problem.
 * @typedef {{ state: "asking" | "comparing" | "approving" | "failed", digits?: string, watched?: boolean,
 *   problem?: any }} PairingState
 */

export class PairingRun {
  /**
   * @param {object} parts
   * @param {any} parts.chrome
   * @param {any} parts.connection
   * @param {any} parts.keychain
   * @param {string} parts.name
   * @param {() => Promise<any>} parts.onPaired
   */
  constructor({ chrome, connection, keychain, name, onPaired }) {
    this.chrome = chrome;
    this.memory = chrome.storage.session;
    this.connection = connection;
    this.keychain = keychain;
    this.name = name;
    this.onPaired = onPaired;
    /** @type {Promise<void> | null} */
    this.running = null;
    this.stopping = new AbortController();
    this.answered = (_same) => {};
  }

  /** One at a time; a second press changes nothing. */
  start() {
    this.running ??= this.#run().finally(() => (this.running = null));
    return this.running;
  }

  /** What the person says of the digits. */
  compared(same) {
    this.answered(same);
  }

  stop() {
    this.stopping.abort();
    this.answered(false);
  }

  /** A background that begins anew has lost the key of what was under way. */
  async recover() {
    const { [KEPT]: left } = await this.memory.get(KEPT);
    if (left && left.state !== "failed" && !this.running) await this.#say({ state: "failed", problem: LOST });
  }

  async #run() {
    this.stopping = new AbortController();
    const awake = setInterval(() => this.chrome.runtime.getPlatformInfo(), AWAKE_MS);
    try {
      await this.#say({ state: "asking" });
      const { signal } = this.stopping;
      const compare = (digits, watched) => this.#compare({ digits, watched });
      await pair({
        daemon: await this.connection.stranger(),
        keychain: this.keychain,
        name: this.name,
        compare,
        signal,
      });
      await this.connection.proved();
      await this.memory.remove(KEPT);
      await this.onPaired();
    } catch (error) {
      if (this.stopping.signal.aborted) await this.memory.remove(KEPT);
      else await this.#say({ state: "failed", problem: problemOf(error).toJSON() });
    } finally {
      clearInterval(awake);
    }
  }

  /** @returns {Promise<boolean>} */
  async #compare(shown) {
    const answer = new Promise((resolve) => (this.answered = resolve));
    await this.#say({ state: "comparing", ...shown });
    const same = await answer;
    if (same) await this.#say({ state: "approving", ...shown });
    return same;
  }

  /** @param {PairingState} state */
  #say(state) {
    return this.memory.set({ [KEPT]: state });
  }
}

const LOST = new Problem("interrupted").toJSON();
