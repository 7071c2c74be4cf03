// The verdict on a result in words and colour. The pipeline judges; nothing here has a limit of its own.
import { t } from "../words.js";

/** "not" is what the warning `weak-identity` is given for, "partial" is below sure: as in `judge_likeness`. */
const KINDS = {
  clear: { kind: "good", icon: "check" },
  partial: { kind: "warn", icon: "warning" },
  not: { kind: "bad", icon: "close" },
};

/**
 * "Clearly Eileen"; null where nothing was judged.
 * @param {string | null | undefined} verdict
 * @param {string | null} name
 */
export function likenessWords(verdict, name) {
  const kind = KINDS[verdict ?? ""];
  if (!kind) return null;
  return { ...kind, words: name ? t(`likeness_${verdict}`, { name }) : t(`verdict_${verdict}`) };
}

/** The faces of a picture that were changed, or the people of a clip, alike. */
export function peopleOf({ faces, people }) {
  if (faces?.length || !people) return (faces ?? []).filter(({ swapped }) => swapped);
  return people
    .filter(({ swapped }) => swapped > 0)
    .map((person) => ({ ...person, index: person.id, warnings: Object.keys(person.warnings ?? {}) }));
}

/** What is said of a face beside its verdict, which says `weak-identity` itself. */
export function warningsOf({ warnings = [], faults = [], verdict }) {
  return [...warnings, ...faults].filter((warning) => !(warning === "weak-identity" && verdict === "not"));
}

const WORST = ["not", "partial", "clear"];

/** The face of a result that is least like its person; undefined where nothing was judged. */
export function worstOf(result) {
  const judged = peopleOf(result ?? {}).filter(({ verdict }) => WORST.includes(verdict));
  return judged.sort((one, other) => WORST.indexOf(one.verdict) - WORST.indexOf(other.verdict))[0];
}
