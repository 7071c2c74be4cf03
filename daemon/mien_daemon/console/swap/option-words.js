// Engines, options and their values in words; a name that no language has words for stays as it is.
import { clock } from "../viewer/clock.js";
import { knows, t } from "../words.js";

const OURS = new Set(["auto", "mesh", "inswapper", "flux", "klein"]);
const SHARED = new Set(["engine", "seed", "restore", "faces", "format"]);

const wordsOr = (key, name) => (knows(key) ? t(key) : name);

export function engineWords(name) {
  return wordsOr(`engine_${name.replaceAll("-", "_")}`, name);
}

/** Whether it is one that is offered to everybody; the others stand behind them. */
export const isOurs = (name) => OURS.has(name);

/** What an engine is good for: in the person's language, or as it describes itself. */
export function engineSummary({ name, summary }) {
  return wordsOr(`engine_${name.replaceAll("-", "_")}_hint`, summary);
}

export function presetWords(name) {
  return wordsOr(`preset_${name.replaceAll("-", "_")}`, name);
}

const PART = new Set(["from", "to"]);

export function optionName(name) {
  if (PART.has(name)) return t(`clip_${name}`);
  return SHARED.has(name) ? t(name) : wordsOr(`option_${name}`, name);
}

/** What an option does: in the person's language, or as its schema describes it. */
export function optionHint({ name, hint }) {
  return wordsOr(`option_${name}_hint`, hint);
}

export function optionWords(name, value) {
  if (name === "engine") return engineWords(value);
  if (name === "faces") return Array.isArray(value) ? value.map((index) => index + 1).join(", ") : t(`faces_${value}`);
  if (PART.has(name)) return clock(value);
  return wordsOr(`option_${name}_${value}`, String(value));
}
