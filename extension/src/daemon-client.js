// The daemon's HTTP contract. No other module knows a URL of it, and nothing here knows why it is called.

import { Problem } from "./problem.js";

const HOST = "http://127.0.0.1";
export const WAIT_S = 8; // Firefox cuts a background that only waits after 30 s; short turns keep it awake
export const PACE_S = 0.25; // each step that is shown takes the browser, and the processors, a few milliseconds

export class DaemonClient {
  /**
   * @param {{ fetch: typeof globalThis.fetch, port: number, token?: string | null,
   *   renew?: (() => Promise<string | null>) | null }} parts  `renew` gives another token when the daemon refuses this.
   */
  constructor({ fetch, port, token = null, renew = null }) {
    this.fetch = fetch;
    this.port = port;
    this.token = token;
    this.renew = renew;
    /** @type {Promise<string | null> | undefined} */
    this.renewed = undefined;
  }

  /** @param {string} token @param {(() => Promise<string | null>) | null} [renew] */
  withToken(token, renew = null) {
    return new DaemonClient({ fetch: this.fetch, port: this.port, token, renew });
  }

  /**
   * The console at one of its views, signed in where there is a code.
   * @param {{ view?: string, code?: string | null }} [place]
   */
  consoleUrl({ view, code } = {}) {
    const words = new URLSearchParams({ ...(code ? { code } : {}), ...(view ? { view } : {}) });
    const plain = view ? `#/${view}` : "";
    return `${HOST}:${this.port}/${code ? `#${words}` : plain}`;
  }

  /** Whether something that speaks as Mien listens; it has proved nothing yet. */
  async hello() {
    const { name, api } = await this.#json("GET", "/v1/hello");
    if (name !== "mien" || api !== 1) throw new Problem("not-the-daemon");
  }

  /** Have the window opened for this extension; no one is let in by that. @returns {Promise<{ watched: boolean }>} */
  askForPairing() {
    return this.#json("POST", "/v1/pair/ask");
  }

  beginPairing(words) {
    return this.#json("POST", "/v1/pair", words);
  }

  continuePairing(id, words, signal) {
    return this.#json("POST", `/v1/pair/${encodeURIComponent(id)}`, words, { signal });
  }

  beginSession(words) {
    return this.#json("POST", "/v1/pair/sessions", words);
  }

  proveSession(id, words) {
    return this.#json("POST", `/v1/pair/sessions/${encodeURIComponent(id)}`, words);
  }

  proveOpener(id, words) {
    return this.#json("POST", `/v1/pair/sessions/${encodeURIComponent(id)}/console`, words);
  }

  health() {
    return this.#json("GET", "/v1/health");
  }

  async engines() {
    return (await this.#json("GET", "/v1/engines")).engines;
  }

  async references() {
    return (await this.#json("GET", "/v1/references")).references;
  }

  /**
   * The faces in a picture that was put, and the longest side of the picture they were found in.
   * @returns {Promise<{ faces: { bbox: number[] }[], longest_side: number }>}
   */
  facesIn(blob) {
    return this.#json("GET", `/v1/blobs/${blob}/faces`);
  }

  /** Keep a face with the consent that was confirmed for it. */
  addReference(words) {
    return this.#json("POST", "/v1/references", words);
  }

  async referenceThumbnail(id) {
    return (await this.#send("GET", `/v1/references/${encodeURIComponent(id)}/thumbnail`)).blob();
  }

  /** Let the daemon forget this browser. */
  resign(clientId) {
    return this.#send("DELETE", `/v1/clients/${encodeURIComponent(clientId)}`);
  }

  /** Put a picture under its own hash. @returns {Promise<string>} `sha256:…` */
  async putBlob(bytes) {
    const { name, sent } = await this.beginBlob(bytes);
    await sent;
    return name;
  }

  /** The picture's name, and the sending of it: a job may be posted meanwhile, and waits for it at the daemon. */
  async beginBlob(bytes) {
    const hash = new Uint8Array(await globalThis.crypto.subtle.digest("SHA-256", bytes));
    const name = `sha256:${Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
    const headers = { "Content-Type": "application/octet-stream" };
    // As a Blob: bytes as they are take Chromium twice the time.
    const sent = this.#send("PUT", `/v1/blobs/${name}`, { body: new Blob([bytes]), headers });
    sent.catch(() => {}); // the caller awaits `sent`, and gets the error
    return { name, sent };
  }

  /** @param {string} idempotencyKey  the same key makes the same job, however often it is sent. */
  postJob(job, idempotencyKey) {
    return this.#json("POST", "/v1/jobs", job, { headers: { "Idempotency-Key": idempotencyKey } });
  }

  /**
   * The job as soon as it is not what it was at `tag`, or null when nothing changed for a few seconds. Of progress
   * within a state it is told in steps.
   * @returns {Promise<{job: any, tag: string | null} | null>}
   */
  async job(id, tag, waitS = WAIT_S) {
    /** @type {Record<string, string>} */
    const headers = tag ? { "If-None-Match": tag } : {};
    const pace = tag ? `&pace=${PACE_S}` : "";
    const path = `/v1/jobs/${encodeURIComponent(id)}?wait=${waitS}${pace}`;
    const response = await this.#send("GET", path, { headers });
    if (response.status === 304) return null;
    return { job: await response.json(), tag: response.headers.get("ETag") };
  }

  cancelJob(id) {
    return this.#json("POST", `/v1/jobs/${encodeURIComponent(id)}/cancel`);
  }

  /** @returns {Promise<Blob>} */
  async result(id) {
    return (await this.#send("GET", `/v1/jobs/${encodeURIComponent(id)}/result`)).blob();
  }

  /** The same to be saved: with the name that the daemon gives it, people and files as the person saw them. */
  async resultFile(id) {
    const response = await this.#send("GET", `/v1/jobs/${encodeURIComponent(id)}/result`);
    return { blob: await response.blob(), name: fileNameIn(response.headers.get("Content-Disposition")) };
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {object} [words]
   * @param {{ headers?: Record<string, string>, signal?: AbortSignal }} [options]
   */
  async #json(method, path, words, { headers = {}, signal } = {}) {
    const body = words === undefined ? undefined : JSON.stringify(words);
    const typed = words === undefined ? headers : { ...headers, "Content-Type": "application/json" };
    const response = await this.#send(method, path, { body, headers: typed, signal });
    try {
      return await response.json();
    } catch {
      throw new Problem("not-the-daemon");
    }
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {{ body?: BodyInit, headers?: Record<string, string>, signal?: AbortSignal, again?: boolean }} [options]
   */
  async #send(method, path, { body, headers = {}, signal, again = false } = {}) {
    const authorised = this.token ? { ...headers, Authorization: `Bearer ${this.token}` } : headers;
    let response;
    try {
      response = await this.fetch(`${HOST}:${this.port}${path}`, {
        method,
        body,
        signal,
        headers: authorised,
        credentials: "omit",
        cache: "no-store",
        redirect: "error",
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Problem("daemon-unreachable");
    }
    if (response.ok || response.status === 304) return response;
    const problem = Problem.from(await response.json().catch(() => ({ code: "not-the-daemon" })));
    if (problem.code !== "unpaired" || !this.renew || again) throw problem;
    this.renewed ??= this.renew(); // once, for all that are refused
    this.token = await this.renewed;
    return this.#send(method, path, { body, headers, signal, again: true });
  }
}

/** The file's name in a `Content-Disposition` (RFC 6266); null where it says none. @param {string | null} header */
export function fileNameIn(header) {
  const { encoded, plain } =
    /filename\*=UTF-8''(?<encoded>[^;\s]+)|filename="(?<plain>[^"]*)"$/.exec(header ?? "")?.groups ?? {};
  return encoded ? decodeURIComponent(encoded) : (plain ?? null);
}
