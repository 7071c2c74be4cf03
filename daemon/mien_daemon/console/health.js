// What the daemon is doing, for the foot of the navigation and for views that need its limits.
import { h, fill } from "./element.js";
import { t } from "./words.js";
import { engineWords } from "./swap/option-words.js";

const EVERY_MS = 15_000;

export class Health extends EventTarget {
  constructor(api) {
    super();
    this.api = api;
    this.current = null;
  }

  /** Ask now and from time to time, while the page is visible. */
  async watch(signal, events) {
    const look = () => document.hidden || this.load();
    events.addEventListener("on:worker", look, { signal });
    events.addEventListener("on:queue", look, { signal });
    events.addEventListener("up", look, { signal });
    events.addEventListener("down", () => this.lost(), { signal });
    const timer = setInterval(look, EVERY_MS);
    signal.addEventListener("abort", () => clearInterval(timer));
  }

  /** The daemon is away: what was known of it no longer counts. */
  lost() {
    this.current = null;
    this.dispatchEvent(new Event("change"));
  }

  async load() {
    try {
      this.current = await this.api.get("/v1/health");
      this.dispatchEvent(new Event("change"));
    } catch (error) {
      if (!error.document) throw error;
    }
  }
}

/** Two quiet lines: the state of the worker, and the engine it has in memory. */
export function showHealth(place, health) {
  if (!health) {
    fill(place, h("p", { class: "daemon-state", "data-state": "away" }, t("worker_away")));
    return;
  }
  const { worker, queue, engine, device } = health;
  const state = queue.paused ? "paused" : worker.state;
  fill(
    place,
    h("p", { class: "daemon-state", "data-state": state }, t(`worker_${state}`)),
    h(
      "p",
      { class: "hint" },
      engine
        ? t("engine_on_device", { engine: engineWords(engine), device: device.toUpperCase() })
        : t("no_engine_loaded"),
    ),
  );
}
