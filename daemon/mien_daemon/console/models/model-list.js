// The models and their transfers, kept in step with the daemon's events.
import { Staleness } from "../staleness.js";

const UNDER_WAY = new Set(["queued", "running"]);

export const isUnderWay = (transfer) => Boolean(transfer) && UNDER_WAY.has(transfer.state);

export class ModelList extends EventTarget {
  constructor(api) {
    super();
    this.api = api;
    this.models = new Map();
    this.bundles = {};
    this.engines = new Map();
    this.transfers = new Map();
    this.staleness = new Staleness();
  }

  async load(signal) {
    const asked = ["/v1/models", "/v1/engines"].map((path) => this.api.get(path, { signal }));
    const [{ models, bundles, transfers }, { engines }] = await Promise.all(asked);
    this.engines = new Map(engines.map((engine) => [engine.name, engine]));
    this.models = new Map(models.map((model) => [model.name, model]));
    this.bundles = bundles;
    for (const transfer of transfers) this.transfers.set(keyOf(transfer), transfer);
    this.changed();
  }

  /** Staleness of one transfer; one that ended changes what is installed. */
  async hear(transfer) {
    this.staleness.note(keyOf(transfer));
    this.transfers.set(keyOf(transfer), transfer);
    this.changed();
    if (isUnderWay(transfer)) return;
    if (this.models.has(transfer.name))
      this.models.set(transfer.name, await this.api.get(`/v1/models/${transfer.name}`));
    else await this.load();
    this.changed();
  }

  /** Ask for something that begins or ends transfers. */
  async post(path, body) {
    const mark = this.staleness.mark();
    const { transfers } = await this.api.post(path, body);
    for (const transfer of transfers)
      if (!this.staleness.isOld(keyOf(transfer), mark)) this.transfers.set(keyOf(transfer), transfer);
    this.changed();
  }

  /** The download of a model that has not ended well yet, else what else is being done to it. */
  transferOf(name) {
    const download = this.transfers.get(`download ${name}`);
    if (download && !["done", "cancelled"].includes(download.state)) return download;
    const check = this.transfers.get(`verify ${name}`);
    return isUnderWay(check) || check?.state === "failed" ? check : undefined;
  }

  /** What is still to come of a bundle. */
  missing(bundle) {
    return this.bundles[bundle]
      .map((name) => this.models.get(name))
      .filter((model) => model && model.state !== "ready");
  }

  changed() {
    this.dispatchEvent(new Event("change"));
  }
}

function keyOf({ action, name }) {
  return `${action} ${name}`;
}

/** Models by what they are for: every swap first, then engine by engine. */
export function grouped(models) {
  const groups = new Map();
  for (const model of models) {
    const group = model.bundles.includes("starter") ? "starter" : (model.needed_by[0] ?? "other");
    groups.set(group, [...(groups.get(group) ?? []), model]);
  }
  return [...groups];
}
