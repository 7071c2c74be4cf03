// An answer can be older than an event that overtook it. This remembers which things an event was about, and when.
export class Staleness {
  constructor() {
    this.count = 0;
    this.heardAt = new Map();
  }

  /** Note an event about `id`. */
  note(id) {
    this.heardAt.set(id, ++this.count);
  }

  /** The place in the order of events; take it before asking. */
  mark() {
    return this.count;
  }

  /** Whether an event about `id` came after `mark`: then an answer to what was asked then is old. */
  isOld(id, mark) {
    return (this.heardAt.get(id) ?? 0) > mark;
  }
}
