// The last swap that was put together in any tab, to go on with it when its tab is gone.
const LAST = "mien.last-swap";
export const KEPT_MS = 3_600_000; // the daemon keeps pictures that were sent so long after their last use

/**
 * Keep names of pictures, never the pictures; of people of the library their key alone.
 * @param {Pick<Storage, "setItem">} storage
 */
export function keepSession(storage, kept, now = Date.now()) {
  if (kept.targets.length === 0) return;
  const references = kept.references.map((who) => (isOfLibrary(who) ? { ...who, name: "" } : who));
  storage.setItem(LAST, JSON.stringify({ at: now, kept: { ...kept, references } }));
}

/** What was kept last, while the daemon still has its pictures; null where nothing is. What is older is removed. */
export function lastSession(storage, now = Date.now()) {
  const last = JSON.parse(storage.getItem(LAST) ?? "null");
  if (last && now - last.at < KEPT_MS) return last.kept;
  if (last) forgetSession(storage);
  return null;
}

/** The same with what the people of the library are called, by their id. @param {Map<string, string>} names */
export function nameKept(kept, names) {
  const nameOf = ({ key, name }) => names.get(key.slice("ref:".length)) ?? name;
  return {
    ...kept,
    references: kept.references.map((who) => ({ ...who, name: isOfLibrary(who) ? nameOf(who) : who.name })),
  };
}

function isOfLibrary({ key }) {
  return key.startsWith("ref:");
}

export function forgetSession(storage) {
  storage.removeItem(LAST);
}

/** People whose consent ended: neither *Undo* nor a new tab brings them back. */
export function forgetPeople(draft, keys) {
  for (const key of keys) draft.removeReference(key);
  draft.history.clear();
  draft.last = null;
  forgetSession(draft.remembered);
}

/** What is kept of a target: neither its file nor what the daemon finds again. */
export function bareTarget({ name, digest, assignments, clip, begin, end, length }) {
  return { name, digest, assignments, clip, begin, end, length };
}
