// What the person has chosen, in storage.local; a setting that is not there has its default.

export const DEFAULTS = Object.freeze({
  port: 6436,
  engine: null, // the daemon's own default
  faces: "largest",
  reference: null, // { id, name }
  recentReferences: [],
  whenTabCloses: "keep",
  excludedSites: [],
});

const RECENT = 4;

export class Settings {
  constructor(chrome) {
    this.area = chrome.storage.local;
  }

  async all() {
    return this.area.get(structuredClone(DEFAULTS));
  }

  async change(changes) {
    const unknown = Object.keys(changes).filter((name) => !(name in DEFAULTS));
    if (unknown.length) throw new TypeError(`no such setting: ${unknown}`);
    await this.area.set(changes);
  }

  /** Choose a reference; the menu offers the last few first. */
  async choose(reference) {
    const { recentReferences } = await this.all();
    const others = recentReferences.filter(({ id }) => id !== reference.id);
    await this.change({ reference, recentReferences: [reference, ...others].slice(0, RECENT) });
  }

  /** Forget references that the daemon no longer has, and learn new names of the others. */
  async reconcile(references) {
    const named = new Map(references.map(({ id, name }) => [id, { id, name }]));
    const { reference, recentReferences } = await this.all();
    await this.change({
      reference: reference && (named.get(reference.id) ?? null),
      recentReferences: recentReferences.flatMap(({ id }) => named.get(id) ?? []),
    });
  }
}
