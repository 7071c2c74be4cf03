/** A promise that is settled from outside. */
export function deferred() {
  /** @type {any} */
  const held = {};
  held.promise = new Promise((resolve) => (held.resolve = resolve));
  return held;
}
