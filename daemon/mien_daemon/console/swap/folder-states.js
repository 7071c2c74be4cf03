// What became of each picture of a folder. Pure functions over the folder and the jobs that the page knows.

/** @typedef {"new" | "sent" | "running" | "done" | "failed" | "cancelled" | "refused"} FileState */

/**
 * "sent" while its job waits, or is not known.
 * @param {any} folder
 * @param {File} file
 * @param {{ get: (id: string) => any }} jobs
 * @returns {FileState}
 */
export function stateOf(folder, file, jobs) {
  const told = folder.states?.get(file);
  if (told !== "sent") return told ?? "new";
  const state = jobs.get(folder.jobs?.get(file))?.state ?? "queued";
  return state === "queued" ? "sent" : state;
}

const BAD = new Set(["failed", "refused"]);

/** The files, those first that came to nothing; else in their own order. */
export function failedFirst(folder, jobs) {
  const isBad = (file) => BAD.has(stateOf(folder, file, jobs));
  return [...folder.files.filter(isBad), ...folder.files.filter((file) => !isBad(file))];
}

const WORDS = { new: "file_new", sent: "state_queued", refused: "file_refused" };

/** The key of what is said of it. @param {FileState} state */
export const wordOf = (state) => WORDS[state] ?? `state_${state}`;

/** How many are done, and how many failed, of those that were taken. */
export function countStates(folder, jobs) {
  const states = folder.files.map((file) => stateOf(folder, file, jobs));
  const count = (...some) => states.filter((state) => some.includes(state)).length;
  const [done, failed] = [count("done"), count("failed", "cancelled")];
  return { done, failed, total: done + failed + count("sent", "running") };
}
