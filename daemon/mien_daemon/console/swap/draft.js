// The swap a person is putting together: targets, references, who gets whom, options, and the jobs that came of it.
import { isClip, requireReadable } from "../pictures.js";
import { assignFirst, faceInMind, partOf, unassign } from "./assignments.js";
import { clipOptionsOf, optionsOf, settingsFrom, withoutPictures } from "./engines.js";
import { History } from "./history.js";
import { isUsable, keepPerson, person } from "./person.js";
import { recall, remember } from "./remembered.js";
import { bareTarget, keepSession, lastSession, nameKept } from "./session.js";
import { settle } from "./settle.js";

const TAB = "mien.draft"; // names of pictures and jobs, for a reload of this tab
export class Draft extends EventTarget {
  constructor(api, tab, remembered) {
    super();
    this.api = api;
    this.tab = tab;
    this.remembered = remembered;
    const kept = JSON.parse(tab.getItem(TAB) ?? "{}");
    /** @type {import("./engines.js").Engine[]} */
    this.engines = []; // until the API has told them
    this.usual = "mesh"; // the engine of a swap that names none, likewise
    /** @type {import("./engines.js").Control[]} */
    this.clipControls = []; // likewise
    /** @type {any[]} */
    this.targets = [];
    /** @type {import("./person.js").Person[]} */
    this.references = [];
    this.current = 0;
    this.runs = {};
    this.consented = false;
    /** @type {import("../engine-fit.js").Machine} */
    this.machine = { kind: "cpu", memory_bytes: null };
    this.history = new History();
    this.#take(kept);
    /** @type {any} what another tab had, while this one has nothing */
    this.last = this.isEmpty ? lastSession(remembered) : null;
    /** @type {any} a folder whose pictures become jobs of one group; its files live as long as the page */
    this.folder = null;
    this.options = {
      engine: "", // as long as no other than the usual one was chosen
      versus: "",
      seed: 0,
      restore: 0,
      format: "",
      quality: 0,
      fallback: false,
      ...recall(remembered),
    };
  }

  #take({ targets = [], references = [], current = 0, runs = {}, consented = false }) {
    this.targets = targets.map((target) => ({ assignments: {}, ...target, url: null, faces: undefined }));
    this.references = references.map(person);
    Object.assign(this, { current, runs, consented });
  }

  get isEmpty() {
    return this.targets.length + this.references.length === 0;
  }

  get target() {
    return this.targets[this.current];
  }

  /** Go on with the swap of a tab that is gone; `names` are what the people of the library are called. */
  resume(names) {
    this.#take(nameKept(this.last, names));
    this.last = null;
    this.changed();
  }

  /** Take back the last change. */
  undo() {
    if (this.history.undo(this)) this.changed();
  }

  /** The jobs of the shown target: one, or several to compare. */
  get run() {
    return (this.target && this.runs[this.target.digest]) ?? [];
  }

  /** The people that can be given to a face. */
  get people() {
    return this.references.filter(isUsable);
  }

  /** A further target; it takes the place of the shown one where that has no face. */
  addTarget(file, pictures) {
    const url = URL.createObjectURL(file);
    const target = { name: file.name, url, clip: isClip(file), assignments: {}, looking: true };
    if (this.target?.faces?.length === 0) this.targets[this.current] = target;
    else this.current = this.targets.push(target) - 1;
    this.changed();
    return settle(this, target, () => pictures.put(file));
  }

  /** A folder instead of single pictures; null to go back to those. */
  takeFolder(folder) {
    this.folder?.sending?.abort();
    this.folder = folder && { ...folder, group: null, ask: null, sent: 0, refused: [], sending: null };
    this.changed();
  }

  /** Another part of a clip: its people are looked for anew. */
  async trim(target, { begin, end }) {
    Object.assign(target, { begin, end, faces: undefined, unseen: undefined, assignments: {} });
    this.changed();
    if (target.digest) await settle(this, target, () => target.digest); // else it is still sent, and then looked at
  }

  /** After a reload: faces are not kept in the tab, the daemon looks again. */
  async look(target) {
    if (target.faces === undefined && target.digest && !target.looking) {
      target.looking = true;
      await settle(this, target, () => target.digest);
    }
  }

  useReference(given) {
    const known = this.references.find(({ key }) => key === given.key);
    const pictures = given.pictures ?? [given.key];
    if (known) {
      const all = [...new Set([...known.pictures, ...pictures])];
      requireReadable(all.length);
      known.pictures = all;
    } else this.references.push(person(given));
    this.#offer(given.key);
    this.changed();
  }

  /** Choose a person for every target that has none yet. */
  #offer(key) {
    for (const target of this.targets) {
      if (target.faces && Object.values(target.assignments).every((given) => !given))
        target.assignments = assignFirst(target, key);
    }
  }

  /** A job that was done once, to be done again with changes; `people` are what its people are called. */
  take(job, name, people = []) {
    const keys = job.references.map(([first]) => first);
    for (const [at, names] of job.references.entries()) {
      const known = this.references.find(({ key }) => key === names[0]);
      if (known) known.pictures = names;
      else this.references.push(person({ key: names[0], pictures: names, name: people[at] ?? name }));
    }
    const { faces, from: begin, to: end, ...options } = job.options;
    const clip = Boolean(job.result?.video);
    const assignments = Array.isArray(faces)
      ? Object.fromEntries(faces.map((index, turn) => [index, keys[turn] ?? keys[0]]))
      : {};
    this.targets = this.targets.filter(({ digest }) => digest !== job.target);
    this.targets.push({ name, digest: job.target, url: null, assignments, clip, begin, end });
    this.current = this.targets.length - 1;
    delete this.runs[job.target];
    this.consented = true; // it was given when the job was made
    this.set({ versus: "", ...settingsFrom(options, clip) });
  }

  removeReference(key) {
    this.references = this.references.filter((reference) => reference.key !== key);
    this.takeBack(key);
    this.changed();
  }

  /** No face is given that person any more. */
  takeBack(key) {
    for (const target of this.targets) unassign(target, key);
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

  /** A person for the face in mind; while no face is known they become the first that is used. */
  choose(given) {
    this.history.keep(this);
    this.useReference(given);
    const index = faceInMind(this.target);
    if (index !== undefined) return this.#assign(index, given.key);
    this.references.sort(({ key: one }, { key: other }) => Number(other === given.key) - Number(one === given.key));
    return this.changed();
  }

  give(index, key) {
    this.history.keep(this);
    this.#assign(index, key);
  }

  #assign(index, key) {
    this.target.pointed = index;
    this.target.assignments = { ...this.target.assignments, [index]: key };
    this.changed();
  }

  set(options) {
    this.history.keep(this, Object.keys(options).join());
    Object.assign(this.options, options);
    remember(this.remembered, this.options);
    this.changed();
  }

  /** The engine that was chosen, or else the usual one. */
  get engine() {
    return this.options.engine || this.usual;
  }

  engineOf(name) {
    return this.engines.find((engine) => engine.name === name);
  }

  /** The options of a job for the engine `name`; a clip has others than a picture beside its engine's own. */
  optionsFor(name, target) {
    const asked = optionsOf(this.options, name, this.engineOf(name));
    if (!target?.clip) return asked;
    return { ...withoutPictures(asked), ...clipOptionsOf(this.options, this.clipControls), ...partOf(target) };
  }

  startRun(target, jobs) {
    this.runs[target.digest] = jobs;
    this.dispatchEvent(new CustomEvent("begun", { detail: target }));
    this.changed();
  }

  /** Back from a result to the picture and its faces. */
  edit() {
    delete this.runs[this.target.digest];
    this.changed();
  }

  changed() {
    const kept = {
      targets: this.targets.filter(({ digest }) => digest).map(bareTarget),
      references: this.people.map(keepPerson),
      current: this.current,
      runs: this.runs,
      consented: this.consented,
    };
    this.tab.setItem(TAB, JSON.stringify(kept));
    keepSession(this.remembered, kept);
    this.dispatchEvent(new Event("change"));
  }
}
