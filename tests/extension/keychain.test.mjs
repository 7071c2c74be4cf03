// The pairing is read from the browser each time, through a database that is opened once and anew when it has to be.
import assert from "node:assert/strict";
import { test } from "node:test";

const { Keychain } = await import("../../extension/src/keychain.js");

/** IndexedDB with one store, as far as a keychain asks of it. */
class Browser {
  opened = [];
  kept = new Map();
  refuses = false;

  open() {
    const database = { transaction: () => ({ objectStore: () => this.store() }), createObjectStore: () => {} };
    this.opened.push(database);
    return this.refuses
      ? answer({ error: new DOMException("full", "QuotaExceededError") })
      : answer({ result: database });
  }

  store() {
    return {
      get: (name) => answer({ result: this.kept.get(name) }),
      put: (value, name) => answer({ result: void this.kept.set(name, value) }),
      clear: () => answer({ result: this.kept.clear() }),
    };
  }
}

/** A request that is answered in a later turn. */
function answer({ result, error }) {
  /** @type {any} */
  const request = { result, error };
  setImmediate(() => (error ? request.onerror() : request.onsuccess()));
  return request;
}

const PAIRING = { clientId: "c", key: "k", pairedAt: 1 };

test("two keychains of one browser tell the same, whichever changed it", async () => {
  const browser = new Browser();
  const [background, options] = [new Keychain(browser), new Keychain(browser)];
  assert.equal(await background.load(), null);
  await options.save(PAIRING);
  assert.deepEqual(await background.load(), PAIRING);
  await options.forget();
  assert.equal(await background.load(), null);
  assert.equal(browser.opened.length, 2);
});

test("a database that the browser has closed is opened anew", async () => {
  const browser = new Browser();
  const keychain = new Keychain(browser);
  await keychain.save(PAIRING);
  browser.opened[0].onclose();
  assert.deepEqual(await keychain.load(), PAIRING);
  assert.equal(browser.opened.length, 2);
});

test("a database that could not be opened is tried again", async () => {
  const browser = new Browser();
  const keychain = new Keychain(browser);
  browser.refuses = true;
  await assert.rejects(keychain.load(), { name: "QuotaExceededError" });
  browser.refuses = false;
  assert.equal(await keychain.load(), null);
});
