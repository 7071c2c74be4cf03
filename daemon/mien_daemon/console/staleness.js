// An answer can be older than an event that overtook it: this says which things were heard of while one waited.
export class Staleness {
  constructor() {
    this.count = 0;
    this.heardAt = new Map();
  }

  heard(id) {
    this.heardAt.set(id, ++this.count);
  }

  /** To be taken before asking. */
  mark() {
    return this.count;
  }

  /** Whether an event about `id` came after `mark`: then an answer to what was asked then is old. */
  isOld(id, mark) {
    return (this.heardAt.get(id) ?? 0) > mark;
  }
}
