// SHA-256 of a file in parts (FIPS 180-4). The browser's own takes all bytes at once, and a clip has gigabytes.
const BLOCK = 64;
const PART = 1 << 20; // a few milliseconds of work; the page answers in between
const AT_ONCE = 16 << 20; // up to here the browser's own is quicker

const PRIMES = firstPrimes(64);
const ROUND = Int32Array.from(PRIMES, (prime) => fractionOf(Math.cbrt(prime)));
const START = Int32Array.from(PRIMES.slice(0, 8), (prime) => fractionOf(Math.sqrt(prime)));

/** The digest of a file in hexadecimal; no more than a part of it is in memory. @param {Blob} file */
export async function hashFile(file) {
  if (file.size <= AT_ONCE) return hex(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
  return hashParts(file, PART);
}

/** The same, whatever the size. @param {Blob} file @param {number} part  bytes, a multiple of 64 */
export async function hashParts(file, part) {
  const state = START.slice();
  let rest = new Uint8Array(0);
  for (let at = 0; at < file.size; at += part) {
    const bytes = new Uint8Array(await file.slice(at, at + part).arrayBuffer());
    const whole = bytes.length - (bytes.length % BLOCK);
    for (let block = 0; block < whole; block += BLOCK) mix(state, bytes, block);
    rest = bytes.subarray(whole);
  }
  const last = pad(rest, file.size);
  for (let block = 0; block < last.length; block += BLOCK) mix(state, last, block);
  const digest = new DataView(new ArrayBuffer(32));
  state.forEach((word, place) => digest.setInt32(4 * place, word));
  return hex(digest.buffer);
}

function hex(buffer) {
  return [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** What follows the last whole block: its bytes, a one, zeros, and the length in bits (section 5.1.1). */
function pad(rest, size) {
  const padded = new Uint8Array(rest.length < BLOCK - 8 ? BLOCK : 2 * BLOCK);
  padded.set(rest);
  padded[rest.length] = 0x80;
  new DataView(padded.buffer).setBigUint64(padded.length - 8, 8n * BigInt(size));
  return padded;
}

const schedule = new Int32Array(64); // of one block, used within one call

/** One block into the state (section 6.2.2). */
function mix(state, bytes, at) {
  const w = schedule;
  for (let t = 0; t < 16; t++, at += 4)
    w[t] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
  for (let t = 16; t < 64; t++) {
    const x = w[t - 15];
    const y = w[t - 2];
    const small0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const small1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[t] = (w[t - 16] + small0 + w[t - 7] + small1) | 0;
  }
  let [a, b, c, d, e, f, g, last] = state;
  for (let t = 0; t < 64; t++) {
    const large1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const one = (last + large1 + ((e & f) ^ (~e & g)) + ROUND[t] + w[t]) | 0;
    const large0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const two = (large0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    last = g;
    g = f;
    f = e;
    e = (d + one) | 0;
    d = c;
    c = b;
    b = a;
    a = (one + two) | 0;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
  state[5] += f;
  state[6] += g;
  state[7] += last;
}

/** The first 32 bits behind the point, of which the standard's constants are made. */
function fractionOf(root) {
  return ((root % 1) * 2 ** 32) | 0;
}

function firstPrimes(count) {
  const found = [];
  for (let next = 2; found.length < count; next++) if (found.every((prime) => next % prime)) found.push(next);
  return found;
}
