// The way to the daemon: port, pairing and session put together, and opened anew when one of them has lapsed.

import { DaemonClient } from "./daemon-client.js";
import { Problem } from "./problem.js";
import { consoleCode, openSession } from "./session.js";

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

  /** The daemon with a session that was proved just now: what a picture is sent to. */
  async proved() {
    const [daemon, pairing] = await Promise.all([this.stranger(), this.keychain.load()]);
    if (!pairing) throw new Problem("unpaired");
    const session = await openSession(daemon, pairing, this.now);
    await this.memory.set({ [KEPT]: { ...session, port: daemon.port, clientId: pairing.clientId } });
    return daemon.withToken(session.token);
  }

  /** Ask something of the daemon with the session there is; a lapsed one is opened anew, once. */
  async call(ask) {
    const [{ [KEPT]: kept }, daemon] = await Promise.all([this.memory.get(KEPT), this.stranger()]);
    if (!kept || kept.port !== daemon.port || this.now() >= kept.until) return ask(await this.proved());
    try {
      return await ask(daemon.withToken(kept.token));
    } catch (error) {
      if (error.code !== "unpaired") throw error;
      return ask(await this.proved());
    }
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
