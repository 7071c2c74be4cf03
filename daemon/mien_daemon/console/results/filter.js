// Which results are shown, and in which order: those of a day together, found by names, engines, warnings and stars.
import { titleOf } from "../job-name.js";
import { finds } from "../search.js";
import { peopleOf, warningsOf } from "../viewer/likeness.js";
import { isKept } from "./retention.js";

/**
 * `person` is the id of somebody of the library.
 * @typedef {{
 *   words: string, engines: Set<string>, warnings: Set<string>, starred: boolean, person: string | null,
 * }} Filter
 */

/** @returns {Filter} */
export function everything() {
  return { words: "", engines: new Set(), warnings: new Set(), starred: false, person: null };
}

/** @param {Filter} filter */
export function narrows({ words, engines, warnings, starred, person }) {
  return words.trim() !== "" || engines.size > 0 || warnings.size > 0 || starred || person !== null;
}

/** Every result that is still there, the latest first. */
export function keptOf(jobs) {
  const isLater = (one, other) => Number(finished(one) < finished(other)) - Number(finished(one) > finished(other));
  return jobs.filter(isKept).sort(isLater); // as ISO 8601 writes times, the order of letters is theirs
}

/** Every result that is there and as asked, the latest first. */
export function listed(jobs, filter, people) {
  return keptOf(jobs).filter((job) => matches(job, filter, people));
}

/** Whether every word is in the title, and engine, warnings, star and person are as asked. */
export function matches(job, filter, people) {
  if (filter.starred && !job.starred) return false;
  if (filter.engines.size > 0 && !filter.engines.has(engineOf(job))) return false;
  if (filter.warnings.size > 0 && !cautionsOf(job).some((warning) => filter.warnings.has(warning))) return false;
  if (filter.person && !job.references?.flat().some((name) => isOf(name, filter.person))) return false;
  return !filter.words.trim() || finds(filter.words, titleOf(job, people));
}

/** Whether a picture is one of this person of the library. */
function isOf(name, person) {
  return name === `ref:${person}` || name.startsWith(`ref:${person}/`);
}

export function engineOf(job) {
  return job.result?.engine ?? job.options.engine;
}

/** Everything that is said against a result, each once; `weak-identity` stands for the verdict "not". */
export function cautionsOf({ result }) {
  const people = peopleOf(result ?? {});
  const said = people.flatMap((person) => [
    ...warningsOf(person),
    ...(person.verdict === "not" ? ["weak-identity"] : []),
  ]);
  return [...new Set([...said, ...(result?.warnings ?? [])])];
}

/** What occurs in `jobs`, the most frequent first: `[name, count]` pairs. */
export function tally(jobs, namesOf) {
  const counts = new Map();
  for (const job of jobs) for (const name of namesOf(job)) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort(([one, many], [other, more]) => more - many || one.localeCompare(other));
}

/** Results by the day on which they were finished here: `[{ day, jobs }]`, in the order of `jobs`. */
export function byDay(jobs) {
  const days = new Map();
  for (const job of jobs) {
    const day = dayOf(new Date(finished(job)));
    if (!days.has(day)) days.set(day, { day, jobs: [] });
    days.get(day).jobs.push(job);
  }
  return [...days.values()];
}

/** "2026-11-29", by the clock of this place. */
export function dayOf(date) {
  const two = (number) => String(number).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

function finished({ finished_at: at, created_at: created }) {
  return at ?? created;
}
