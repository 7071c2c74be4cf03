// What the people of the library are called, for lists that name them. Only this page's memory holds it.
export class People extends EventTarget {
  constructor(api) {
    super();
    this.api = api;
    /** @type {any[]} the library's records */
    this.records = [];
    /** @type {Map<string, string>} */
    this.names = new Map();
    /** @type {Promise<void> | null} the latest answer, while it is on its way */
    this.coming = null;
  }

  /** Load them again. There are none while the library cannot be opened. */
  load() {
    const asked = this.#ask().finally(() => {
      if (this.coming === asked) this.coming = null;
    });
    this.coming = asked;
    return asked;
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
