// The only module that knows how to ask the daemon.
import { Problem, UNREACHABLE } from "./problem.js";

export class Api {
  /** `session` holds the bearer and is told when it is no longer good. */
  constructor(fetch, session) {
    this.fetch = fetch;
    this.session = session;
  }

  get(path, options) {
    return this.json("GET", path, undefined, options);
  }

  post(path, body, options) {
    return this.json("POST", path, body, options);
  }

  put(path, body) {
    return this.json("PUT", path, body);
  }

  patch(path, body) {
    return this.json("PATCH", path, body);
  }

  delete(path, body) {
    return this.json("DELETE", path, body);
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   * @param {{ headers?: Record<string, string>, signal?: AbortSignal, keepalive?: boolean }} [options]
   */
  async json(method, path, body, { headers = {}, ...init } = {}) {
    const typed = body === undefined ? headers : { ...headers, "Content-Type": "application/json" };
    const response = await this.send(path, { ...init, method, body: body && JSON.stringify(body), headers: typed });
    const type = response.headers.get("Content-Type") ?? "";
    return type.includes("json") ? whole(response.json()) : null;
  }

  /** Raw bytes, as a picture or a file for the person. */
  async blob(path, signal) {
    return whole((await this.send(path, { signal })).blob());
  }

  /**
   * Send any request; a refusal is thrown as a `Problem`. A session that has lapsed is opened anew, once.
   * @param {string} path
   * @param {RequestInit} [init]
   * @returns {Promise<Response>}
   */
  async send(path, init = {}, isSecond = false) {
    if ((await this.session.opening) === false) throw new Problem({ code: "unpaired", status: 401 });
    const { token } = this.session;
    const headers = { ...init.headers, Authorization: `Bearer ${token}` };
    let response;
    try {
      response = await this.fetch(path, { ...init, headers, cache: "no-store", credentials: "omit" });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Problem(UNREACHABLE);
    }
    if (response.ok) return response;
    const problem = new Problem(await documentOf(response));
    if (problem.code === "unpaired") {
      if (!isSecond && (await this.session.renew(token))) return this.send(path, init, true);
      this.session.end();
    }
    throw problem;
  }
}

/** The body of an answer; of a daemon that ended while it was sent there is as little as of one that is silent. */
async function whole(body) {
  try {
    return await body;
  } catch (error) {
    if (error instanceof TypeError) throw new Problem(UNREACHABLE);
    throw error;
  }
}

async function documentOf(response) {
  try {
    return await response.json();
  } catch {
    return { code: "internal-error", status: response.status, title: response.statusText };
  }
}
