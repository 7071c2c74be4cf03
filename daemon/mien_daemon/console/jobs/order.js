// In which order jobs are shown: at work first, then waiting as they will run, then the latest of the rest.
const ACTIVE = new Set(["running", "queued"]);
const RANK = { running: 0, queued: 1 };
const PRIORITY = { interactive: 0, batch: 1 };

export function inOrder(jobs) {
  return [...jobs].sort((one, other) => rank(one) - rank(other) || within(one, other));
}

/** Those that wait, as they will run. */
export function waitingOf(jobs) {
  return inOrder(jobs.filter(({ state }) => state === "queued"));
}

function rank({ state }) {
  return RANK[state] ?? 2;
}

function within(one, other) {
  if (one.state !== "queued") return Number(latest(one) < latest(other)) - Number(latest(one) > latest(other));
  return PRIORITY[one.priority] - PRIORITY[other.priority] || one.position - other.position;
}

/** As ISO 8601 writes times, the order of letters is theirs. */
function latest({ finished_at: finished, created_at: created }) {
  return finished ?? created;
}

export function matches({ state }, filter) {
  if (filter === "all") return true;
  if (filter === "active") return ACTIVE.has(state);
  if (filter === "failed") return state === "failed" || state === "cancelled";
  return state === filter;
}

/** The job before which `id` goes to stand at `place`, counted from 0 without itself: an id, or null for the end. */
export function beforeAt(waiting, id, place) {
  return waiting.filter((job) => job.id !== id)[place]?.id ?? null;
}
