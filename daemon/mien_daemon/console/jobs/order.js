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

/** What a row is known by: a job by its id, a group by its name. */
export const keyOf = ({ id, group }) => id ?? `group ${group}`;

/** Of a group the place of the job of it that begins first; behind all else where none waits. */
export function byPlace(one, other) {
  const [a, b] = [one, other].map((each) => (each.id ? each : each.next));
  return a && b ? within({ ...a, state: "queued" }, b) : Number(!a) - Number(!b);
}

/**
 * Among what a row is moved: a group and a job of none among their like, a job of a group among the others of it.
 * `stops` are the keys as they will begin, each with its first job; `end` is the job that begins after the last stop.
 * @typedef {{ stops: { key: string, first: string }[], end: string | null }} Order
 * @returns {Order}
 */
export function orderFor(groups, jobs, me) {
  const names = new Set(groups.map(({ group }) => group));
  const alone = jobs.filter(({ state, group }) => state === "queued" && !names.has(group));
  const top = [...groups.filter(({ next }) => next), ...alone].sort(byPlace);
  if (!isBelow(groups, me)) return { stops: top.map(stop), end: null };
  const own = waitingOf(jobs.filter(({ group }) => group === me.group));
  const behind = top.find((each) => each.group !== me.group && own.length > 0 && byPlace(own.at(-1), each) < 0);
  return { stops: own.map(stop), end: behind ? stop(behind).first : null };
}

/** Whether a row is a job that stands below its group. */
export function isBelow(groups, { id, group }) {
  return id !== undefined && groups.some((each) => each.group === group);
}

const stop = (each) => ({ key: keyOf(each), first: each.id ?? each.next.id });

/**
 * The job before which `key` goes to stand at `place`, counted from 0 without itself: an id, or null for the very end.
 * @param {Order} order
 */
export function beforeAt({ stops, end }, key, place) {
  return stops.filter((each) => each.key !== key)[place]?.first ?? end;
}
