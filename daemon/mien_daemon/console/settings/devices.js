// On which devices swaps run: one of those that this machine has is chosen, or several are named.
import { field, select } from "../control.js";
import { h } from "../element.js";
import { knows, t } from "../words.js";

const OTHER = "other";

/** "cuda:1" is the second graphics card. @param {string} device */
export function deviceWords(device) {
  if (knows(`device_${device}`)) return t(`device_${device}`);
  const [, kind, index] = /^(cuda|xpu):(\d+)$/.exec(device) ?? [];
  return kind ? t("device_gpu", { number: Number(index) + 1 }) : device.toUpperCase();
}

/**
 * @param {string} value
 * @param {string[]} present devices of this machine
 * @param {(value: string) => void} change
 * @param {[string, string]} words label and hint
 */
export function deviceControl(value, present, change, [label, hint]) {
  const known = [...new Set(["auto", "cpu", ...present])];
  const place = h("div", {});
  const isOther = !known.includes(value);
  const choose = (chosen) => (chosen === OTHER ? place.replaceChildren(names(true)) : change(chosen));
  const names = (focused) => {
    const input = h("input", { type: "text", value, spellcheck: "false", onchange: () => change(input.value.trim()) });
    if (focused) queueMicrotask(() => input.focus());
    return field(label, input, `${t("device_names")} ${hint}`);
  };
  const choices = [...known.map((each) => [each, deviceWords(each)]), [OTHER, t("device_other")]];
  place.append(isOther ? names(false) : field(label, select(choices, value, choose), hint));
  return place;
}
