// The models and their transfers, kept in step with the daemon's events.
import { Staleness } from "../staleness.js";
import { isOurs } from "../swap/option-words.js";

const UNDER_WAY = new Set(["queued", "running"]);

export const isUnderWay = (transfer) => Boolean(transfer) && UNDER_WAY.has(transfer.state);

export class ModelList extends EventTarget {
  constructor(api) {
    super();
    this.api = api;
    this.models = new Map();
    this.engines = new Map();
    /** @type {import("../engine-fit.js").Machine} */
    this.machine = { kind: "cpu", memory_bytes: null };
    this.transfers = new Map();
    this.staleness = new Staleness();
    this.asked = this.taken = 0; // turns of `load`
  }

  async load(signal) {
    const mark = this.staleness.mark();
    const turn = ++this.asked;
    const asked = ["/v1/models", "/v1/engines"].map((path) => this.api.get(path, { signal }));
    const [{ models, transfers }, { engines, machine }] = await Promise.all(asked);
    if (turn < this.taken) return; // a later answer overtook this one
    this.taken = turn;
    this.machine = machine;
    this.engines = new Map(engines.map((engine) => [engine.name, engine]));
    const newest = (model) => (this.staleness.isOld(model.name, mark) && this.models.get(model.name)) || model;
    this.models = new Map(models.map((model) => [model.name, newest(model)]));
    this.takeTransfers(transfers, mark);
  }

  /** An event about a transfer; one that ended changes what is installed. */
  async hear(transfer) {
    this.staleness.note(keyOf(transfer));
    this.transfers.set(keyOf(transfer), transfer);
    this.changed();
    if (isUnderWay(transfer)) return;
    this.staleness.note(transfer.name);
    if (!this.models.has(transfer.name)) return this.load();
    const mark = this.staleness.mark();
    const model = await this.api.get(`/v1/models/${transfer.name}`);
    if (this.staleness.isOld(transfer.name, mark)) return;
    this.models.set(transfer.name, model);
    this.changed();
  }

  /** Ask for something that begins or ends transfers. */
  async post(path, body) {
    const mark = this.staleness.mark();
    const { transfers } = await this.api.post(path, body);
    this.takeTransfers(transfers, mark);
  }

  takeTransfers(transfers, mark) {
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

  /** The models of an engine, those first that it lacks here. */
  partsOf(engine) {
    const { fetch_models: wanted, missing_models: missing } = this.engines.get(engine);
    const named = new Set([...wanted, ...missing]);
    const own = [...this.models.values()].filter((model) => model.needed_by.includes(engine) && !isStarter(model));
    const others = own.filter(({ name }) => !named.has(name));
    return [
      ...[...named].map((name) => this.models.get(name)).filter((model) => model && !isStarter(model)),
      ...others,
    ];
  }

  /** What is being done for an engine: its installation, or the first of its models that is on its way. */
  workOn(engine) {
    const install = this.transfers.get(`install ${engine}`);
    if (isUnderWay(install) || install?.state === "failed") return install;
    return this.workAmong(this.partsOf(engine));
  }

  /** The download among these models that is on its way, else one that failed. @param {any[]} models */
  workAmong(models) {
    const downloads = models.map(({ name }) => this.transfers.get(`download ${name}`));
    const running = downloads.filter(isUnderWay);
    const failed = downloads.find((download) => download?.state === "failed");
    return running.find(({ state }) => state === "running") ?? running[0] ?? failed;
  }

  /** The models that every swap takes, or those that belong to no engine. @param {"starter" | "other"} name */
  group(name) {
    const all = [...this.models.values()];
    if (name === "starter") return all.filter(isStarter);
    const needed = new Set([...this.engines.keys()].flatMap((engine) => this.partsOf(engine).map((each) => each.name)));
    return all.filter((model) => !isStarter(model) && !needed.has(model.name));
  }

  changed() {
    this.dispatchEvent(new Event("change"));
  }
}

function keyOf({ action, name }) {
  return `${action} ${name}`;
}

function isStarter({ bundles }) {
  return bundles.includes("starter");
}

const FIT = ["yes", "unknown", "no"];

/** Engines in the order in which a person wants them: those that are ready, then our own, and of these what fits. */
export function sortEngines(engines) {
  const rank = ({ name, state, fits }) =>
    state === "ready" ? -1 : FIT.indexOf(fits) + (isOurs(name) ? 0 : FIT.length);
  return engines.toSorted((one, other) => rank(one) - rank(other));
}
