// Requests that lack an answer — which face, which picture — while another window asks the person for it.

const PREFIX = "request:";

export class PendingRequests {
  constructor(chrome) {
    this.memory = chrome.storage.session;
  }

  async keep(request) {
    const id = crypto.randomUUID();
    await this.memory.set({ [PREFIX + id]: request });
    return id;
  }

  /** Each request is taken once. */
  async take(id) {
    const { [PREFIX + id]: request } = await this.memory.get(PREFIX + id);
    await this.memory.remove(PREFIX + id);
    return request ?? null;
  }
}
