// Starting points for an engine's settings, the person's own among them; "own" once the settings are none of these.
import { button, segmented } from "../control.js";
import { h } from "../element.js";
import { askName } from "../settings/clients.js";
import { t } from "../words.js";
import { presetOf, valuesOf, valuesUnder } from "./engines.js";
import { presetWords } from "./option-words.js";
import { forgetNamed, isNamed, keepNamed, nameOf, withNamed } from "./presets.js";
import { refillControls } from "./refill-controls.js";

/** @param {import("./engines.js").Engine} given */
export function presetChoice(draft, given, onuse) {
  const element = h("div", { class: "stack small" });
  const storage = draft.remembered;
  const engine = { ...given, presets: withNamed(storage, given.name, given.presets) };
  /** @type {string | null} */
  let shown = null;
  const refresh = () => {
    const preset = presetOf(engine, draft.options);
    if (preset === shown || engine.controls.length === 0) return;
    shown = preset;
    const names = [...engine.presets.keys(), ...(preset === "own" ? ["own"] : [])];
    const pairs = names.map((name) => [name, isNamed(name) ? nameOf(name) : presetWords(name)]);
    refillControls(element, pairs.length > 1 ? segmented(t("preset"), pairs, preset, use) : null, deed(preset));
  };
  refresh();
  return { element, refresh };

  function use(preset) {
    const values = Object.entries(valuesUnder(engine, preset));
    draft.set(Object.fromEntries(values.map(([name, value]) => [`${engine.name}.${name}`, value])));
    onuse();
  }

  function deed(preset) {
    if (preset === "own") return button(t("preset_save"), null, save, { class: "link" });
    return isNamed(preset) ? button(t("preset_forget"), null, () => forget(preset), { class: "link" }) : null;
  }

  async function save() {
    const name = await askName(t("preset_save"), "");
    if (!name) return;
    keepNamed(storage, engine.name, name, valuesOf(engine, draft.options));
    onuse();
  }

  function forget(preset) {
    forgetNamed(storage, engine.name, preset);
    onuse();
  }
}
