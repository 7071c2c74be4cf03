// The arithmetic of pairing and of sessions, the same as daemon/mien_daemon/access/handshake.py;
// tests/extension/vectors.json holds both to the same values. The protocol is in daemon/PAIRING.md.

const { subtle } = globalThis.crypto;
const utf8 = new TextEncoder();

export const NONCE_BYTES = 32;

export function nonce() {
  return globalThis.crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
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

/** A key for one pairing; its private half cannot leave the browser. */
export function newKeyPair() {
  return subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, false, ["deriveBits"]);
}

/** 65 bytes, the uncompressed point. */
export async function publicPoint(keyPair) {
  return new Uint8Array(await subtle.exportKey("raw", keyPair.publicKey));
}

export function commitment(clientPoint, clientNonce) {
  return sha256(joined("mien-pair-commit-v1", clientPoint, clientNonce));
}

/** Everything both sides have seen; each puts in the port that it knows, not one it was told. */
export function transcript({ name, port, clientPoint, clientNonce, daemonPoint, daemonNonce }) {
  return sha256(
    joined("mien-pair-transcript-v1", name, String(port), clientPoint, clientNonce, daemonPoint, daemonNonce),
  );
}

/** The six digits that the person compares. */
export async function digits(theTranscript) {
  const hash = await sha256(joined("mien-pair-digits-v1", theTranscript));
  const number = new DataView(hash.buffer).getBigUint64(0);
  return String(number % 1_000_000n).padStart(6, "0");
}

/** The key shared with the daemon, as a CryptoKey that signs and verifies and cannot be read, not even by us. */
export async function pairingKey(privateKey, daemonPoint, theTranscript) {
  const theirs = await subtle.importKey("raw", daemonPoint, { name: "ECDH", namedCurve: "P-256" }, false, []);
  const secret = await subtle.deriveBits({ name: "ECDH", public: theirs }, privateKey, 256);
  const seed = await subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"]);
  const how = { name: "HKDF", hash: "SHA-256", salt: theTranscript, info: utf8.encode("mien-pair-key-v1") };
  return subtle.deriveKey(how, seed, { name: "HMAC", hash: "SHA-256", length: 256 }, false, ["sign", "verify"]);
}

export function isConfirmation(key, theTranscript, clientId, mac) {
  return subtle.verify("HMAC", key, mac, joined("mien-pair-confirm-v1", theTranscript, clientId));
}

export function isDaemonProof(key, session, mac) {
  return subtle.verify("HMAC", key, mac, sessionWords("mien-session-daemon-v1", session));
}

export async function clientProof(key, session) {
  return new Uint8Array(await subtle.sign("HMAC", key, sessionWords("mien-session-client-v1", session)));
}

/** As `clientProof`, for a code that opens the console; its label differs, so that neither stands for the other. */
export async function openerProof(key, session) {
  return new Uint8Array(await subtle.sign("HMAC", key, sessionWords("mien-session-console-v1", session)));
}

function sessionWords(label, { clientId, port, clientNonce, daemonNonce }) {
  return joined(label, clientId, String(port), clientNonce, daemonNonce);
}

async function sha256(bytes) {
  return new Uint8Array(await subtle.digest("SHA-256", bytes));
}

/** Each field behind its length, so that none can borrow bytes from its neighbour. */
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
