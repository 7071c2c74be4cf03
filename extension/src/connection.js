// The way to the daemon: port, pairing and session put together, and opened anew when one of them has lapsed.

import { DaemonClient } from "./daemon-client.js";
import { Problem } from "./problem.js";
import { consoleCode, openSession, proveDaemon } from "./session.js";

const KEPT = "session";

/** No code where none could be had; but no page of a program that is not the daemon is opened. */
function unlessImpostor(error) {
  if (error.code === "not-the-daemon") throw error;
  return null;
}

export class Connection {
  constructor({ chrome, fetch, settings, keychain, now = Date.now }) {
    this.memory = chrome.storage.session;
    this.fetch = fetch;
    this.settings = settings;
    this.keychain = keychain;
    this.now = now;
  }

  /** The daemon without a session: for hello and pairing. */
  async stranger() {
    const { port } = await this.settings.all();
    return new DaemonClient({ fetch: this.fetch, port });
  }

  /** The daemon that has proved itself just now: what a picture is sent to. A session that is open serves again. */
  async proved() {
    const [known, stranger, pairing] = await Promise.all([this.#known(), this.stranger(), this.#pairing()]);
    if (!known || known.clientId !== pairing.clientId) return this.#open(pairing);
    await proveDaemon(stranger, pairing); // who proves itself hears no token before
    return known.daemon;
  }

  /** Ask something of the daemon with the session there is; a lapsed one is opened anew, once. */
  async call(ask) {
    const known = await this.#known();
    return ask(known ? known.daemon : await this.#open(await this.#pairing()));
  }

  /** The daemon with the session that is open, and whose it is; null where there is none for this port. */
  async #known() {
    const [{ [KEPT]: kept }, stranger] = await Promise.all([this.memory.get(KEPT), this.stranger()]);
    if (!kept || kept.port !== stranger.port || this.now() >= kept.until) return null;
    const renew = async () => (await this.#open(await this.#pairing())).token;
    return { daemon: stranger.withToken(kept.token, renew), clientId: kept.clientId };
  }

  /** The daemon with a session of its own, after it has proved itself. */
  async #open(pairing) {
    const daemon = await this.stranger();
    const session = await openSession(daemon, pairing, this.now);
    await this.memory.set({ [KEPT]: { ...session, port: daemon.port, clientId: pairing.clientId } });
    return daemon.withToken(session.token);
  }

  async #pairing() {
    const pairing = await this.keychain.load();
    if (!pairing) throw new Problem("unpaired");
    return pairing;
  }

  /** Where the console is: signed in if this browser may do that, else the page says how. @param {string} [view] */
  async consoleUrl(view) {
    const daemon = await this.stranger();
    const pairing = await this.keychain.load();
    const code = pairing && (await consoleCode(daemon, pairing).catch(unlessImpostor));
    return daemon.consoleUrl({ view, code });
  }

  /** `paired`, `unpaired`, `unreachable` or `impostor`, and the problem behind it. */
  async state() {
    try {
      if (!(await this.keychain.load())) await this.stranger().then((daemon) => daemon.hello());
      return { state: "paired", health: await this.call((daemon) => daemon.health()) };
    } catch (error) {
      const states = { unpaired: "unpaired", "daemon-unreachable": "unreachable", "not-the-daemon": "impostor" };
      if (error.code === "wrong-scope") return { state: "paired", health: null };
      if (!(error.code in states)) throw error;
      return { state: states[error.code], health: null };
    }
  }

  /** On both sides; a daemon that is not there keeps the name of a browser that has no key any more. */
  async forget() {
    const pairing = await this.keychain.load();
    if (pairing) await this.call((daemon) => daemon.resign(pairing.clientId)).catch(() => {});
    await this.memory.remove(KEPT);
    await this.keychain.forget();
  }
}
