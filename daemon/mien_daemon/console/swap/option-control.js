// One option of an engine as a control of its kind.
import { checkbox, field, segmented, select, slider } from "../control.js";
import { h } from "../element.js";
import { number, percent } from "../words.js";
import { optionHint, optionName, optionWords } from "./option-words.js";

const SIDE_BY_SIDE = 4; // more choices than these do not fit the panel's width

const BUILD = {
  choice: buildChoice,
  several: buildSeveral,
  switch: buildSwitch,
  text: buildText,
  slider: buildSlider,
  number: buildNumber,
};

/**
 * @param {import("./engines.js").Control} control
 * @param {any} value
 * @param {(value: any) => void} onchange
 */
export function optionControl(control, value, onchange) {
  return BUILD[control.kind](control, optionName(control.name), optionHint(control), value, onchange);
}

function buildChoice({ name, choices }, label, hint, value, onchange) {
  const pairs = choices.map((choice) => [choice, optionWords(name, choice)]);
  if (choices.length > SIDE_BY_SIDE) return field(label, select(pairs, value, onchange), hint);
  return h("div", { class: "field" }, h("span", { class: "label" }, label), segmented(label, pairs, value, onchange));
}

/** A switch for each of a few of which any number is taken; the value keeps their order. */
function buildSeveral({ name, choices }, label, hint, value, onchange) {
  let taken = value;
  const turn = (choice, on) => {
    taken = choices.filter((each) => (each === choice ? on : taken.includes(each)));
    onchange(taken);
  };
  const boxes = choices.map((choice) =>
    checkbox(optionWords(name, choice), value.includes(choice), (on) => turn(choice, on)),
  );
  return h(
    "div",
    { class: "field", role: "group", "aria-label": label },
    h("span", { class: "label", title: hint }, label),
    boxes,
  );
}

function buildSwitch(_control, label, hint, value, onchange) {
  return checkbox(label, value, onchange, hint);
}

function buildText({ maxLength }, label, hint, value, onchange) {
  const input = h("textarea", { rows: 2, maxlength: maxLength, value, onchange: () => onchange(input.value) });
  return field(label, input, hint);
}

function buildSlider({ min, max, step }, label, hint, value, onchange) {
  const show = max === 1 ? percent : (shown) => number(shown);
  return slider(label, { min, max, step, value, hint, show }, onchange);
}

function buildNumber({ min, max, step }, label, hint, value, onchange) {
  const input = h("input", { type: "number", min, max, step, value, onchange: () => onchange(Number(input.value)) });
  return field(label, input, hint);
}
