// Options and their values in words; a value that is a name of its own stays as it is.
import { knows, t } from "../words.js";

const SHARED = new Set(["engine", "seed", "restore", "faces", "format"]);

export function optionName(name) {
  if (SHARED.has(name)) return t(name);
  return knows(`option_${name}`) ? t(`option_${name}`) : name;
}

export function optionWords(name, value) {
  if (name === "engine") return t(`engine_${value}`);
  if (name === "faces") return Array.isArray(value) ? value.map((index) => index + 1).join(", ") : t(`faces_${value}`);
  return knows(`option_${name}_${value}`) ? t(`option_${name}_${value}`) : String(value);
}
