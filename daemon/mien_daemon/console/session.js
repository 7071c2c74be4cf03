// This page's session. A one-time code from the address opens the first; this browser's key opens those of further
// tabs, and the next ones after the daemon was started again. The token itself lives as long as the tab.
const KEPT = "mien.session";

export class Session extends EventTarget {
  /** `key` is a `PageKey`; `name` is what the list of signed-in browsers will call this one. */
  constructor(fetch, { location, history, storage, channel, key, name }) {
    super();
    this.fetch = fetch;
    this.location = location;
    this.history = history;
    this.storage = storage;
    this.channel = channel;
    this.key = key;
    this.name = name;
    /** @type {Promise<boolean> | null} */
    this.renewing = null;
    /** @type {Promise<boolean> | undefined} requests wait for it */
    this.opening = undefined;
    this.channel.onmessage = ({ data }) => this.adopt(data);
  }

  get token() {
    return this.kept()?.token;
  }

  /** What this session allows; `local` may also let a browser in. */
  may(scope) {
    return this.kept()?.scopes.includes(scope) ?? false;
  }

  /** Whether there is something to open a session with; whether it is good the daemon says. */
  async isHopedFor() {
    const hasCode = new URLSearchParams(this.location.hash.slice(1)).has("code");
    return hasCode || this.token !== undefined || (await this.key.id()) !== null;
  }

  /** True when there is a session to work with. */
  open() {
    this.opening = this.begin();
    return this.opening;
  }

  /** The code leaves the address before anything else happens. */
  async begin() {
    const asked = new URLSearchParams(this.location.hash.slice(1));
    const code = asked.get("code");
    if (code) {
      const [wanted, item] = [asked.get("view"), asked.get("item")];
      const place = item === null ? "" : `/${encodeURIComponent(item)}`;
      const view = wanted === null ? "" : `#/${encodeURIComponent(wanted)}${place}`;
      this.history.replaceState(null, "", this.location.pathname + view);
      await this.trade(code);
    }
    return this.token !== undefined || this.renew();
  }

  async trade(code) {
    const offered = await this.key.offer();
    const key = offered && { public_key: offered, name: this.name };
    const session = await this.ask("/v1/session", key ? { code, key } : { code });
    if (!session?.token) return;
    if (session.key) await this.key.accept(session.key);
    this.keep(session);
    this.channel.postMessage(session);
  }

  /**
   * Open another session with this browser's key; requests that fail together are helped together.
   * @param {string} [lapsed]  the token that was refused; when the page has another by now there is nothing to do.
   * @returns {Promise<boolean>}
   */
  renew(lapsed) {
    if (lapsed !== undefined && this.token !== lapsed) return Promise.resolve(this.token !== undefined);
    this.renewing ??= this.prove().finally(() => (this.renewing = null));
    return this.renewing;
  }

  async prove() {
    const id = await this.key.id();
    if (!id) return false;
    const challenge = await this.ask("/v1/session/challenge");
    if (!challenge?.nonce) return false;
    const signature = await this.key.sign(this.location.port, challenge.nonce);
    const session = await this.ask("/v1/session/renew", { key: id, nonce: challenge.nonce, signature });
    if (session?.token) this.keep(session);
    else if (session?.code === "unpaired") await this.key.forget();
    return session?.token !== undefined;
  }

  /** The answer or the problem; null when nothing answers. */
  async ask(path, body) {
    const headers = body && { "Content-Type": "application/json" };
    const init = { method: "POST", body: body && JSON.stringify(body), headers };
    try {
      const response = await this.fetch(path, { ...init, credentials: "omit", cache: "no-store" });
      return await response.json();
    } catch {
      return null;
    }
  }

  /** Take the session of another tab that was opened with a fresh code, when this page's own is over. */
  adopt(session) {
    if (this.token) return;
    this.keep(session);
    this.dispatchEvent(new Event("renewed"));
  }

  end() {
    if (!this.token) return;
    this.storage.removeItem(KEPT);
    this.dispatchEvent(new Event("ended"));
  }

  keep(session) {
    this.storage.setItem(KEPT, JSON.stringify(session));
  }

  kept() {
    return JSON.parse(this.storage.getItem(KEPT) ?? "null");
  }
}

/** "Firefox on Linux": ASCII, as the daemon takes it. */
export function nameOf({ userAgent, userAgentData }) {
  const brands = userAgentData?.brands.map(({ brand }) => brand) ?? [];
  const known = ["Microsoft Edge", "Brave", "Opera", "Google Chrome", "Chromium"];
  const browser =
    known.find((name) => brands.includes(name)) ?? /Firefox|Chrome|Safari/.exec(userAgent)?.[0] ?? "Browser";
  const system = /Windows|Mac OS|Android|Linux/.exec(userAgent)?.[0].replace("Mac OS", "macOS") ?? "this machine";
  return `${browser} on ${system}`;
}
