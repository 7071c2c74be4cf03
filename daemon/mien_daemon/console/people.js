// What the people of the library are called, for lists that name them. Only this page's memory holds it.
export class People extends EventTarget {
  constructor(api, events) {
    super();
    this.api = api;
    /** @type {any[]} the library's records */
    this.records = [];
    /** @type {Map<string, string>} */
    this.names = new Map();
    this.isAsked = false; // since the daemon was last away
    events.addEventListener("down", () => (this.isAsked = false));
    events.addEventListener("up", () => this.isAsked || this.load()); // the first view may have asked
  }

  /** Load them again. There are none while the library cannot be opened. */
  load() {
    this.isAsked = true;
    return this.#ask();
  }

  async #ask() {
    const answer = await this.api.get("/v1/references").catch(ignoreRefusal);
    this.records = answer?.references ?? [];
    this.names = new Map(this.records.map(({ id, name }) => [id, name]));
    this.dispatchEvent(new Event("change"));
  }
}

function ignoreRefusal(error) {
  if (!error.document) throw error;
  return null;
}
