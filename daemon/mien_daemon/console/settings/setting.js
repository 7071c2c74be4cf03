// One setting as a control that fits its kind.
import { checkbox, field, select } from "../control.js";
import { engineWords } from "../swap/option-words.js";
import { h } from "../element.js";
import { bytes, duration, knows, t } from "../words.js";
import { deviceControl } from "./devices.js";

const MINUTE = 60;
const DAY = 86_400;
const GIB = 2 ** 30;
const CHOICES = {
  keep_results_s: [3600, DAY, 7 * DAY, 30 * DAY, 365 * DAY].map((value) => [value, duration]),
  idle_unload_s: [30, MINUTE, 5 * MINUTE, 30 * MINUTE, 3600, DAY].map((value) => [value, duration]),
  max_pixels: [12e6, 24e6, 60e6, 120e6].map((value) => [value, (pixels) => t("megapixels", { value: pixels / 1e6 })]),
  max_blob_bytes: [20e6, 50e6, 100e6, 200e6].map((value) => [value, bytes]),
  max_clip_bytes: [1e9, 4 * GIB, 8e9, 16e9].map((value) => [value, bytes]),
};

/** @typedef {{ engines: string[], devices: string[] }} Known what there is to choose from */

/** @param {any} told @param {Known} known @param {(value: any) => void} change */
export function setting({ name, value, default: usual, meaning, source }, known, change) {
  const label = knows(`setting_${name}`) ? t(`setting_${name}`) : name;
  const hint = [meant(name, meaning), where(source)].filter(Boolean).join(" ");
  const reset =
    value === usual ? null : h("button", { class: "link", onclick: () => change(usual) }, t("back_to_default"));
  return h("div", { class: "setting", "data-setting": name }, control(name, value, label, hint, known, change), reset);
}

/** What a setting does; of the notifications their heading says it once. */
function meant(name, meaning) {
  if (name.startsWith("notify_")) return "";
  return knows(`setting_${name}_hint`) ? t(`setting_${name}_hint`) : meaning;
}

function control(name, value, label, hint, { engines, devices }, change) {
  if (typeof value === "boolean") return checkbox(label, value, change, hint);
  if (name in CHOICES) return field(label, chosenFrom(CHOICES[name], value, change), hint);
  if (name === "default_engine")
    return field(
      label,
      select(
        [...new Set(["auto", ...engines, value])].map((each) => [each, engineWords(each)]),
        value,
        change,
      ),
      hint,
    );
  if (name === "devices") return deviceControl(value, devices, change, [label, hint]);
  const numeric = typeof value === "number";
  const input = h("input", {
    type: numeric ? "number" : "text",
    value,
    onchange: () => change(numeric ? Number(input.value) : input.value),
  });
  return field(label, input, hint);
}

function chosenFrom(choices, value, change) {
  const show = choices[0][1];
  const values = [...new Set([...choices.map(([each]) => each), value])].sort((one, other) => one - other);
  return select(
    values.map((each) => [String(each), show(each)]),
    String(value),
    (chosen) => change(Number(chosen)),
  );
}

function where(source) {
  return source === "flag" || source === "environment" ? t(`set_by_${source}`) : "";
}
