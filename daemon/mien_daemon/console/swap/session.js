// The last swap that was put together in any tab, to go on with it when its tab is gone.
const LAST = "mien.last-swap";
export const KEPT_MS = 3_600_000; // the daemon keeps pictures that were sent so long after their last use

/** Keep names of pictures, never the pictures. @param {Pick<Storage, "setItem">} storage */
export function keepSession(storage, kept, now = Date.now()) {
  if (kept.targets.length > 0) storage.setItem(LAST, JSON.stringify({ at: now, kept }));
}

/** What was kept last, while the daemon still has its pictures; null where nothing is. */
export function lastSession(storage, now = Date.now()) {
  const { at, kept } = JSON.parse(storage.getItem(LAST) ?? "null") ?? { at: -Infinity };
  return now - at < KEPT_MS ? kept : null;
}

export function forgetSession(storage) {
  storage.removeItem(LAST);
}
