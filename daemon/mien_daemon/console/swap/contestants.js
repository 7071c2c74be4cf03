// Who makes the shown target's results: the chosen engine, and what a person compares it with.
import { AUTO, valuesUnder } from "./engines.js";
import { engineWords, presetWords } from "./option-words.js";

const PRESET = "preset:";

/** What an engine can be compared with: the other engines that are ready, and its own presets; [value, words] pairs. */
export function listRivals(draft) {
  const { engine } = draft;
  const others = draft.engines.filter(({ name, ready }) => ready && name !== engine && name !== AUTO);
  const presets = [...(draft.engineOf(engine)?.presets.keys() ?? [])];
  return [
    ...others.map(({ name }) => [name, engineWords(name)]),
    ...(presets.length > 1 ? presets.map((name) => [PRESET + name, presetWords(name)]) : []),
  ];
}

/** One, or two to compare: each with what it is called and the options of its jobs. */
export function listContestants(draft, target) {
  const { engine } = draft;
  const { versus } = draft.options;
  const first = { engine, label: engineWords(engine), options: draft.optionsFor(engine, target) };
  if (!versus) return [first];
  if (!versus.startsWith(PRESET))
    return [first, { engine: versus, label: engineWords(versus), options: draft.optionsFor(versus, target) }];
  const preset = versus.slice(PRESET.length);
  const known = draft.engineOf(engine);
  if (!known?.presets.has(preset)) return [first];
  const options = { ...first.options, ...valuesUnder(known, preset) };
  return [first, { engine, label: `${engineWords(engine)}, ${presetWords(preset)}`, options }];
}
