// The pairing: client id and the key shared with the daemon, as a CryptoKey that cannot be read out, in IndexedDB.

const DATABASE = "mien";
const STORE = "pairing";
const ONLY = "current";

export class Keychain {
  /** @type {Promise<IDBDatabase> | null} stays open: a browser opens it in ten times the time in which it reads */
  #database = null;

  constructor(indexedDB) {
    this.indexedDB = indexedDB;
  }

  /** @returns {Promise<{clientId: string, key: CryptoKey, pairedAt: number} | null>} */
  async load() {
    return (await this.#run("readonly", (store) => store.get(ONLY))) ?? null;
  }

  async save({ clientId, key, pairedAt }) {
    await this.#run("readwrite", (store) => store.put({ clientId, key, pairedAt }, ONLY));
  }

  async forget() {
    await this.#run("readwrite", (store) => store.clear());
  }

  async #run(mode, work) {
    this.#database ??= this.#open();
    const transaction = (await this.#database).transaction(STORE, mode);
    return awaitRequest(work(transaction.objectStore(STORE)));
  }

  /** Anew after the browser has closed it, as where a person clears what sites have stored. */
  async #open() {
    try {
      const opening = this.indexedDB.open(DATABASE, 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
      const database = await awaitRequest(opening);
      database.onclose = () => (this.#database = null);
      return database;
    } catch (error) {
      this.#database = null;
      throw error;
    }
  }
}

function awaitRequest(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
