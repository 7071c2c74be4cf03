// Starting points for an engine's settings; "own" once the settings are none of these.
import { segmented } from "../control.js";
import { fill, h } from "../element.js";
import { t } from "../words.js";
import { presetOf, valuesUnder } from "./engines.js";
import { presetWords } from "./option-words.js";

/** @param {import("./engines.js").Engine} engine */
export function presetChoice(draft, engine, onuse) {
  const element = h("div", {});
  const presets = [...engine.presets.keys()];
  /** @type {string | null} */
  let shown = null;
  const refresh = () => {
    const preset = presetOf(engine, draft.options);
    if (preset === shown || presets.length < 2) return;
    shown = preset;
    const names = preset === "own" ? [...presets, "own"] : presets;
    const pairs = names.map((name) => [name, presetWords(name)]);
    fill(element, segmented(t("preset"), pairs, preset, use));
  };
  refresh();
  return { element, refresh };

  function use(preset) {
    const values = Object.entries(valuesUnder(engine, preset));
    draft.set(Object.fromEntries(values.map(([name, value]) => [`${engine.name}.${name}`, value])));
    onuse();
  }
}
