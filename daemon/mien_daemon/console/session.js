// This page's session: a one-time code from the address is traded at once for a token that lives as long as the tab.
const KEY = "mien.session";

export class Session extends EventTarget {
  constructor(fetch, { location, history, storage, channel }) {
    super();
    this.fetch = fetch;
    this.location = location;
    this.history = history;
    this.storage = storage;
    this.channel = channel;
    this.channel.onmessage = ({ data }) => this.adopt(data);
  }

  get token() {
    return this.kept()?.token;
  }

  /** What this session allows; `local` may also let a browser in. */
  may(scope) {
    return this.kept()?.scopes.includes(scope) ?? false;
  }

  /** True when there is a session to work with. The code leaves the address before anything else happens. */
  async open() {
    const asked = new URLSearchParams(this.location.hash.slice(1));
    const code = asked.get("code");
    if (code) {
      const wanted = asked.get("view");
      const view = wanted === null ? "" : `#/${encodeURIComponent(wanted)}`;
      this.history.replaceState(null, "", this.location.pathname + view);
      await this.trade(code);
    }
    return this.token !== undefined;
  }

  async trade(code) {
    const init = { method: "POST", body: JSON.stringify({ code }), headers: { "Content-Type": "application/json" } };
    const response = await this.fetch("/v1/session", { ...init, credentials: "omit", cache: "no-store" });
    if (!response.ok) return;
    const session = await response.json();
    this.keep(session);
    this.channel.postMessage(session);
  }

  /** Take the session of another tab that was opened with a fresh code, when this page's own is over. */
  adopt(session) {
    if (this.token) return;
    this.keep(session);
    this.dispatchEvent(new Event("renewed"));
  }

  end() {
    if (!this.token) return;
    this.storage.removeItem(KEY);
    this.dispatchEvent(new Event("ended"));
  }

  keep(session) {
    this.storage.setItem(KEY, JSON.stringify(session));
  }

  kept() {
    return JSON.parse(this.storage.getItem(KEY) ?? "null");
  }
}
