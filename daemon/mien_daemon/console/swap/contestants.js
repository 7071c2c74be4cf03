// Who makes the shown target's results: the chosen engine, and what a person compares it with.
import { AUTO, presetOf, valuesUnder } from "./engines.js";
import { engineWords, presetWords } from "./option-words.js";
import { t } from "../words.js";

const PRESET = "preset:";
const SEEDS = "seeds:";
const MANY = [4, 6]; // results at once

/**
 * What an engine can be compared with: the other engines that are ready, its own presets, and itself with other seeds;
 * [value, words] pairs.
 */
export function listRivals(draft) {
  const { engine } = draft;
  const isSeeded = draft.engineOf(engine)?.seeded && !draft.target?.clip;
  const others = draft.engines.filter(({ name, ready }) => ready && name !== engine && name !== AUTO);
  const presets = [...(draft.engineOf(engine)?.presets.keys() ?? [])];
  return [
    ...others.map(({ name }) => [name, engineWords(name)]),
    ...(presets.length > 1 ? presets.map((name) => [PRESET + name, presetWords(name)]) : []),
    ...(isSeeded ? MANY.map((count) => [SEEDS + count, t("seeds_at_once", { count })]) : []),
  ];
}

/** One, or some to compare: each with what it is called and the options of its jobs. */
export function listContestants(draft, target) {
  const { engine } = draft;
  const { versus } = draft.options;
  const first = { engine, label: engineWords(engine), options: draft.optionsFor(engine, target) };
  if (!versus) return [first];
  if (versus.startsWith(SEEDS)) return listSeeds(draft, target, first, Number(versus.slice(SEEDS.length)));
  if (!versus.startsWith(PRESET))
    return [first, { engine: versus, label: engineWords(versus), options: draft.optionsFor(versus, target) }];
  const preset = versus.slice(PRESET.length);
  const known = draft.engineOf(engine);
  if (!known?.presets.has(preset)) return [first];
  const options = { ...first.options, ...valuesUnder(known, preset) };
  const named = (/** @type {string} */ name) => `${engineWords(engine)}, ${presetWords(name)}`;
  const own = named(presetOf(known, draft.options));
  return [
    { ...first, label: own },
    { engine, label: named(preset), options },
  ];
}

/** The same with the seed that was set and those after it; once where a seed changes nothing, and for a clip. */
function listSeeds(draft, target, first, count) {
  if (!draft.engineOf(first.engine)?.seeded || target?.clip) return [first];
  const seeds = Array.from({ length: count }, (_, at) => first.options.seed + at);
  return seeds.map((seed) => ({
    ...first,
    label: t("seed_is", { seed: String(seed) }),
    options: { ...first.options, seed },
  }));
}
