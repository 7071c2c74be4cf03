// What a person has asked for and not yet said completely — which face, which picture — while another window asks her.

const PREFIX = 'wish:';

export class Wishes {
  constructor(chrome) {
    this.memory = chrome.storage.session;
  }

  async keep(wish) {
    const id = crypto.randomUUID();
    await this.memory.set({ [PREFIX + id]: wish });
    return id;
  }

  /** Each wish is fulfilled once. */
  async take(id) {
    const { [PREFIX + id]: wish } = await this.memory.get(PREFIX + id);
    await this.memory.remove(PREFIX + id);
    return wish ?? null;
  }
}
