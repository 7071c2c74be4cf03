// A private arena: which of two results a person found better, and how often each engine or setting was. It is kept in
// this browser alone, without a picture, a name or a face, and forgotten in Settings.
import { engineWords, optionName, optionWords } from "./swap/option-words.js";

const KEY = "mien.arena";
const MOST = 500; // the oldest choice goes first

// What is no setting of an engine: two results that differ in these alone are of the same contestant.
const NOT_COMPARED = new Set(["engine", "faces", "format", "seed", "priority", "fallback", "from", "to"]);
const PRIVATE = new Set(["prompt", "negative_prompt"]); // a person's own words are not kept

/**
 * @typedef {{ engine: string, settings: Record<string, any> }} Contestant
 * @typedef {{ id: string, one: Contestant, other: Contestant, better: "one" | "other" | "same" }} Vote
 * @typedef {{ contestant: Contestant, won: number, same: number, of: number }} Score
 */

/**
 * Who made each of two results: the engine, and the settings in which they differ where it is the same one. A job
 * keeps only the options that were given: one that the other lacks may be its default, and tells nothing.
 * @returns {[Contestant, Contestant]}
 */
export function contestants(one, other) {
  const [engine, rival] = [one, other].map(({ result, options }) => result?.engine ?? options.engine);
  if (engine !== rival) return [bare(engine), bare(rival)];
  const names = Object.keys(one.options).filter((name) => isCompared(name) && name in other.options);
  const differing = names.filter((name) => JSON.stringify(one.options[name]) !== JSON.stringify(other.options[name]));
  const settled = ({ options }) => ({
    engine,
    settings: Object.fromEntries(differing.toSorted().map((name) => [name, options[name]])),
  });
  return [settled(one), settled(other)];
}

const isCompared = (name) => !NOT_COMPARED.has(name) && !PRIVATE.has(name);
const bare = (engine) => ({ engine, settings: {} });

/** What a contestant is called: "Mesh", or "Mesh, face shape 0.2". @param {Contestant} contestant */
export function contestantWords({ engine, settings }) {
  const told = Object.entries(settings).map(([name, value]) => `${optionName(name)}: ${valueWords(name, value)}`);
  return [engineWords(engine), ...told].join(", ");
}

function valueWords(name, value) {
  if (value === null) return "–";
  return Array.isArray(value)
    ? value.map((each) => optionWords(name, each)).join(" + ") || "–"
    : optionWords(name, value);
}

/** The choices that were made in this browser. */
export class Arena {
  /** @param {Pick<Storage, "getItem" | "setItem" | "removeItem">} storage */
  constructor(storage) {
    this.storage = storage;
  }

  /** @returns {Vote[]} */
  get votes() {
    return JSON.parse(this.storage.getItem(KEY) ?? "[]");
  }

  /** What was chosen of two jobs, seen from the first; null where nothing was. */
  chosen(one, other) {
    const vote = this.votes.find(({ id }) => id === pairOf(one, other));
    if (!vote || vote.better === "same" || one.id < other.id) return vote?.better ?? null;
    return vote.better === "one" ? "other" : "one";
  }

  /** Remember a choice; a second one about the same two results takes the place of the first. */
  choose(one, other, better) {
    const isTurned = one.id > other.id;
    const [first, second] = isTurned ? [other, one] : [one, other];
    const [winner, loser] = contestants(first, second);
    const turned = isTurned && better !== "same" ? (better === "one" ? "other" : "one") : better;
    const id = pairOf(one, other);
    const kept = this.votes.filter((vote) => vote.id !== id);
    const votes = [...kept, { id, one: winner, other: loser, better: turned }].slice(-MOST);
    this.storage.setItem(KEY, JSON.stringify(votes));
  }

  forget() {
    this.storage.removeItem(KEY);
  }

  /** How often each contestant was found better, the most often first. @returns {Score[]} */
  tally() {
    /** @type {Map<string, Score>} */
    const scores = new Map();
    const scoreOf = (contestant) => {
      const key = JSON.stringify(contestant);
      if (!scores.has(key)) scores.set(key, { contestant, won: 0, same: 0, of: 0 });
      return /** @type {Score} */ (scores.get(key));
    };
    for (const { one, other, better } of this.votes)
      for (const [who, contestant] of /** @type {["one" | "other", Contestant][]} */ ([
        ["one", one],
        ["other", other],
      ])) {
        const score = scoreOf(contestant);
        score.of += 1;
        score.won += Number(better === who);
        score.same += Number(better === "same");
      }
    return [...scores.values()].toSorted((a, b) => b.won / b.of - a.won / a.of || b.of - a.of);
  }
}

const pairOf = (one, other) => [one.id, other.id].toSorted().join(" ");
