// The pairing: client id and the key shared with the daemon, as a CryptoKey that cannot be read out, in IndexedDB.

const DATABASE = "mien";
const STORE = "pairing";
const ONLY = "current";

export class Keychain {
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
    const database = await awaitRequest(this.#open());
    try {
      const transaction = database.transaction(STORE, mode);
      const result = await awaitRequest(work(transaction.objectStore(STORE)));
      return result;
    } finally {
      database.close();
    }
  }

  #open() {
    const opening = this.indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    return opening;
  }
}

function awaitRequest(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
