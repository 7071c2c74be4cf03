// The swap a person is putting together: targets, references, who gets whom, options, and the jobs that came of it.
import { isClip, requireReadable } from "../pictures.js";
import { Problem } from "../problem.js";
import { valuesOf } from "./engines.js";
import { assignFirst } from "./assignments.js";

const TAB = "mien.draft"; // names of pictures and jobs, for a reload of this tab
const REMEMBERED = "mien.options"; // settings only, for the next time

/** A reference is one person: `pictures` are names of pictures, or "ref:ID" for all that the library has. */
function person(reference) {
  return { pictures: [reference.key], ...reference };
}

export class Draft extends EventTarget {
  constructor(api, tab, remembered) {
    super();
    this.api = api;
    this.tab = tab;
    this.remembered = remembered;
    const kept = JSON.parse(tab.getItem(TAB) ?? "{}");
    /** @type {import("./engines.js").Engine[]} */
    this.engines = []; // until the API has told them
    this.targets = (kept.targets ?? []).map((target) => ({ assignments: {}, ...target, url: null, faces: undefined }));
    this.references = (kept.references ?? []).map((reference) => person({ ...reference, url: null }));
    this.current = kept.current ?? 0;
    this.runs = kept.runs ?? {};
    this.consented = kept.consented ?? false;
    /** @type {any} a folder whose pictures become jobs of one group; its files live as long as the page */
    this.folder = null;
    this.options = {
      engine: "mesh",
      versus: "",
      seed: 0,
      restore: 0,
      ...JSON.parse(remembered.getItem(REMEMBERED) ?? "{}"),
    };
  }

  get target() {
    return this.targets[this.current];
  }

  /** The jobs of the shown target: one, or two for a comparison of engines. */
  get run() {
    return (this.target && this.runs[this.target.digest]) ?? [];
  }

  addTarget(file, pictures) {
    const target = { name: file.name, url: URL.createObjectURL(file), clip: isClip(file), assignments: {} };
    this.targets.push(target);
    this.current = this.targets.length - 1;
    this.changed();
    return this.settle(target, () => pictures.put(file));
  }

  /** A folder instead of single pictures; null to go back to those. */
  takeFolder(folder) {
    this.folder?.sending?.abort();
    this.folder = folder && { ...folder, group: null, ask: null, sent: 0, refused: [], sending: null };
    this.changed();
  }

  /** Send the pictures of the folder one after the other, whichever view is shown meanwhile. */
  async sendFolder(ask, group, send) {
    const { folder } = this;
    const sending = new AbortController();
    Object.assign(folder, { ask, group, sending });
    const stay = (event) => event.preventDefault();
    addEventListener("beforeunload", stay);
    this.changed();
    try {
      await send(folder, sending.signal, () => this.changed());
    } finally {
      removeEventListener("beforeunload", stay);
      folder.sending = null;
      this.changed();
    }
  }

  /** Send the picture, then ask who is in it. */
  async settle(target, put) {
    try {
      target.digest = await put();
      if (target.clip) await (await import("./clip-people.js")).lookAtClip(this.api, target);
      else target.faces = (await this.api.get(`/v1/blobs/${target.digest}/faces`)).faces;
      if (Object.keys(target.assignments).length === 0)
        target.assignments = assignFirst(target, this.references[0]?.key);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (target.digest) target.faces = null;
      else target.problem = error.document;
      target.unseen = error.document;
    }
    this.changed();
  }

  /** Another part of a clip: its people are looked for anew. */
  async trim(target, { begin, end }) {
    Object.assign(target, { begin, end, faces: undefined, unseen: undefined, assignments: {} });
    this.changed();
    await this.settle(target, () => target.digest);
  }

  /** After a reload: faces are not kept in the tab, the daemon looks again. */
  async look(target) {
    if (target.faces === undefined && target.digest && !target.looking) {
      target.looking = true;
      await this.settle(target, () => target.digest);
    }
  }

  /** One person, in one picture or several; returns the key. */
  async addReference(files, pictures) {
    const names = await pictures.putAll(files);
    const [first] = files;
    this.useReference({ key: names[0], pictures: names, name: first.name, url: URL.createObjectURL(first) });
    return names[0];
  }

  /** Further pictures of the person `key`. */
  async addPictures(key, files, pictures) {
    const names = await pictures.putAll(files);
    this.useReference({ ...this.references.find((reference) => reference.key === key), pictures: names });
  }

  useReference(given) {
    const reference = person(given);
    const known = this.references.find(({ key }) => key === reference.key);
    if (known) {
      const all = [...new Set([...known.pictures, ...reference.pictures])];
      requireReadable(all.length);
      known.pictures = all;
    } else this.references.push(reference);
    for (const target of this.targets) {
      if (target.faces && Object.values(target.assignments).every((key) => !key))
        target.assignments = assignFirst(target, reference.key);
    }
    this.changed();
  }

  /** A job that was done once, to be done again with changes. */
  take(job, name) {
    const keys = job.references.map(([first]) => first);
    for (const names of job.references) {
      const known = this.references.find(({ key }) => key === names[0]);
      if (known) known.pictures = names;
      else this.references.push(person({ key: names[0], pictures: names, name, url: null }));
    }
    const { engine, faces, seed = 0, restore = 0, format: _, from: begin, to: end, ...own } = job.options;
    const clip = Boolean(job.result?.video);
    const assignments = Array.isArray(faces)
      ? Object.fromEntries(faces.map((index, turn) => [index, keys[turn] ?? keys[0]]))
      : {};
    this.targets = this.targets.filter(({ digest }) => digest !== job.target);
    this.targets.push({ name, digest: job.target, url: null, assignments, clip, begin, end });
    this.current = this.targets.length - 1;
    delete this.runs[job.target];
    this.consented = true; // it was given when the job was made
    this.set({
      engine,
      versus: "",
      seed,
      restore,
      ...Object.fromEntries(Object.entries(own).map(([key, value]) => [`${engine}.${key}`, value])),
    });
  }

  removeReference(key) {
    this.references = this.references.filter((reference) => reference.key !== key);
    for (const target of this.targets) {
      for (const [index, given] of Object.entries(target.assignments))
        if (given === key) delete target.assignments[index];
    }
    this.changed();
  }

  removeTarget(target) {
    this.targets = this.targets.filter((other) => other !== target);
    this.current = Math.max(0, Math.min(this.current, this.targets.length - 1));
    this.changed();
  }

  show(target) {
    this.current = this.targets.indexOf(target);
    this.changed();
  }

  give(index, key) {
    this.target.assignments = { ...this.target.assignments, [index]: key };
    this.changed();
  }

  set(options) {
    Object.assign(this.options, options);
    this.remembered.setItem(REMEMBERED, JSON.stringify(this.options));
    this.changed();
  }

  engineOf(name) {
    return this.engines.find((engine) => engine.name === name);
  }

  /** The options of a job for the engine `name`: its controls as set or by default; while unknown, what was set. */
  optionsFor(name) {
    const { seed, restore } = this.options;
    const engine = this.engineOf(name);
    return { engine: name, seed, restore, ...(engine ? valuesOf(engine, this.options) : this.#settingsOf(name)) };
  }

  #settingsOf(engine) {
    const own = Object.entries(this.options).filter(([key]) => key.startsWith(`${engine}.`));
    return Object.fromEntries(own.map(([key, value]) => [key.slice(engine.length + 1), value]));
  }

  startRun(target, jobs) {
    this.runs[target.digest] = jobs;
    this.changed();
  }

  /** Back from a result to the picture and its faces. */
  edit() {
    delete this.runs[this.target.digest];
    this.changed();
  }

  changed() {
    const bare = ({ name, digest, assignments, clip, begin, end }) => ({ name, digest, assignments, clip, begin, end });
    const kept = {
      targets: this.targets.filter(({ digest }) => digest).map(bare),
      references: this.references.map(({ key, name, pictures, count }) => ({ key, name, pictures, count })),
      current: this.current,
      runs: this.runs,
      consented: this.consented,
    };
    this.tab.setItem(TAB, JSON.stringify(kept));
    this.dispatchEvent(new Event("change"));
  }
}
