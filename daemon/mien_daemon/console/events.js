// The daemon's server-sent events over fetch (EventSource cannot carry a bearer), taken up again where they broke off.
const DELAYS_MS = [250, 500, 1000, 2000, 4000];

export class Events extends EventTarget {
  constructor(api, wait = pause) {
    super();
    this.api = api;
    this.wait = wait;
    this.last = null;
  }

  /** Listen until aborted. Dispatches "up", "down", and every daemon event as `on:<kind>` with its data as `detail`. */
  async listen(signal) {
    for (let failures = 0; !signal.aborted;) {
      try {
        await this.follow(signal, () => (failures = 0));
      } catch (error) {
        if (signal.aborted || error.code === "unpaired") return;
      }
      this.dispatchEvent(new Event("down"));
      await this.wait(DELAYS_MS[Math.min(failures++, DELAYS_MS.length - 1)], signal);
    }
  }

  async follow(signal, connected) {
    const headers = this.last ? { "Last-Event-ID": this.last } : {};
    const response = await this.api.send("/v1/events", { headers, signal });
    connected();
    this.dispatchEvent(new Event("up"));
    if (!response.body) return;
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = ""; ;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) this.take(parse(block));
    }
  }

  /** @param {{ event: string, data: string, id?: string }} block */
  take({ id, event, data }) {
    if (id) this.last = id;
    if (data) this.dispatchEvent(new CustomEvent(`on:${event}`, { detail: JSON.parse(data) }));
  }
}

/**
 * One block of the event-stream format.
 * @param {string} block
 */
export function parse(block) {
  /** @type {{ event: string, data: string, id?: string }} */
  const fields = { event: "message", data: "" };
  for (const line of block.split("\n")) {
    const at = line.indexOf(":");
    if (at > 0) fields[line.slice(0, at)] = line.slice(at + 1).replace(/^ /, "");
  }
  return fields;
}

/** @returns {Promise<void>} */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
