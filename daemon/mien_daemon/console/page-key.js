// The key of this browser. The page may sign with it and cannot read it, so nothing that is stored opens a session.
const DATABASE = "mien";
const STORE = "page-key";
const ONLY = "current";
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256" };
const LABEL = "mien-console-session-v1";
const utf8 = new TextEncoder();

export class PageKey {
  /** What the window has of `crypto` and `indexedDB`; where a private window refuses them there is no key. */
  constructor({ crypto, indexedDB }) {
    this.subtle = crypto?.subtle;
    this.indexedDB = indexedDB;
  }

  /** The id under which the daemon knows the key, or null when this browser is signed out. */
  async id() {
    return (await this.load())?.id ?? null;
  }

  /** What goes with a code: the public half of the key, made now if there is none; null where none can be kept. */
  async offer() {
    try {
      const kept = await this.load();
      const pair = kept?.pair ?? (await this.subtle.generateKey(ALGORITHM, false, ["sign"]));
      if (!kept) await this.run("readwrite", (store) => store.put({ id: null, pair }, ONLY));
      return toText(await this.subtle.exportKey("raw", pair.publicKey));
    } catch {
      return null;
    }
  }

  async accept(id) {
    const kept = await this.load();
    if (kept) await this.run("readwrite", (store) => store.put({ ...kept, id }, ONLY));
  }

  async forget() {
    await this.run("readwrite", (store) => store.clear()).catch(() => {});
  }

  /** Sign the daemon's nonce, for the port of this page's own address: no other daemon can use it. */
  async sign(port, nonce) {
    const { id, pair } = await this.load();
    const words = joined(LABEL, id, port, fromText(nonce));
    return toText(await this.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, pair.privateKey, words));
  }

  async load() {
    return (await this.run("readonly", (store) => store.get(ONLY)).catch(() => null)) ?? null;
  }

  async run(mode, work) {
    const opening = this.indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    const database = await answered(opening);
    try {
      return await answered(work(database.transaction(STORE, mode).objectStore(STORE)));
    } finally {
      database.close();
    }
  }
}

function answered(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** base64url without padding. */
export function toText(bytes) {
  const binary = String.fromCharCode(...new Uint8Array(bytes));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

export function fromText(text) {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** Each field behind its length in four bytes, as in daemon/PAIRING.md. */
function joined(...fields) {
  const parts = fields.map((field) => (typeof field === "string" ? utf8.encode(field) : field));
  const whole = new Uint8Array(parts.reduce((size, part) => size + 4 + part.length, 0));
  const view = new DataView(whole.buffer);
  let at = 0;
  for (const part of parts) {
    view.setUint32(at, part.length);
    whole.set(part, at + 4);
    at += 4 + part.length;
  }
  return whole;
}
