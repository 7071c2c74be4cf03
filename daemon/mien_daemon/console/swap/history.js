// What a person changed in the swap they put together, to be taken back step by step.
const MOST = 50; // steps; older ones are forgotten

export class History {
  constructor() {
    /** @type {{ what: string, targets: any[], references: any[], current: number, options: any }[]} */
    this.steps = [];
    this.undone = 0; // steps that were taken back: what shows the options is built anew
  }

  get isEmpty() {
    return this.steps.length === 0;
  }

  /** Keep what `draft` is before a change. Changes of the same option one after the other are one step. */
  keep(draft, what = "") {
    if (what && this.steps.at(-1)?.what === what) return;
    const { targets, references, current, options } = draft;
    this.steps.push({
      what,
      targets: targets.map((target) => ({ target, assignments: { ...target.assignments } })),
      references: references.map((who) => ({ who, pictures: [...who.pictures] })),
      current,
      options: { ...options },
    });
    if (this.steps.length > MOST) this.steps.shift();
  }

  /** Put the draft back to where it was before the last change; false where there was none. */
  undo(draft) {
    const step = this.steps.pop();
    if (!step) return false;
    draft.targets = step.targets.map(({ target, assignments }) => Object.assign(target, { assignments }));
    draft.references = step.references.map(({ who, pictures }) => Object.assign(who, { pictures }));
    draft.current = step.current;
    draft.options = step.options;
    this.undone += 1;
    return true;
  }

  /** Forget every step: someone in them is not to come back. */
  clear() {
    this.steps = [];
  }
}
