// What the people of the library are called, for lists that name them. Only this page's memory holds it.
export class People extends EventTarget {
  constructor(api) {
    super();
    this.api = api;
    /** @type {Map<string, string>} */
    this.names = new Map();
  }

  /** Load the names again. There are none while the library cannot be opened. */
  async load() {
    const answer = await this.api.get("/v1/references").catch(ignoreRefusal);
    this.names = new Map((answer?.references ?? []).map(({ id, name }) => [id, name]));
    this.dispatchEvent(new Event("change"));
  }
}

function ignoreRefusal(error) {
  if (!error.document) throw error;
  return null;
}
