// The few kinds of control every view is made of, each with its label.
import { h } from "./element.js";
import { icon } from "./icon.js";
import { t } from "./words.js";

let serial = 0;
const uid = (prefix) => `${prefix}-${++serial}`;

/** A button that is an icon and says in words what it does. */
export function iconButton(name, label, onclick, props = {}) {
  return h("button", { class: "bare", "aria-label": label, title: label, onclick, ...props }, icon(name));
}

export function button(label, name, onclick, props = {}) {
  return h("button", { onclick, ...props }, name ? icon(name) : null, label);
}

/** Words that a narrow window leaves to screen readers, beside an icon that says it. */
export const spare = (words) => h("span", { class: "spare" }, words);

/** One of a few, side by side. `choices` is [value, label] pairs. */
export function segmented(label, choices, value, onchange) {
  const name = uid("choice");
  return h(
    "div",
    { class: "segmented", role: "radiogroup", "aria-label": label },
    choices.map(([key, text, props = {}]) =>
      h(
        "label",
        {},
        h("input", {
          type: "radio",
          name,
          value: key,
          checked: key === value,
          onchange: () => onchange(key),
          ...props,
        }),
        h("span", {}, text),
      ),
    ),
  );
}

/** Where there is a `usual` value, a button leads back to it from every other. */
export function slider(label, { min, max, step, value, hint, show, usual = null }, onchange) {
  const output = h("output", {}, show(value));
  const input = h("input", { type: "range", min, max, step, id: uid("slider"), value, "aria-description": hint });
  const back = usual === null ? null : backButton(input, usual, show);
  const paint = () => {
    input.style.setProperty("--filled", `${(100 * (input.value - min)) / (max - min)}%`);
    if (back) back.hidden = Number(input.value) === usual;
  };
  input.addEventListener("input", () => {
    output.textContent = show(Number(input.value));
    paint();
    onchange(Number(input.value));
  });
  paint();
  const named = h("label", { for: input.id, title: hint }, label);
  return h("div", { class: "field slider" }, named, h("span", { class: "slider-value" }, back, output), input);
}

function backButton(input, usual, show) {
  return iconButton("undo", `${t("back_to_default")}: ${show(usual)}`, () => {
    input.value = usual;
    input.dispatchEvent(new Event("input"));
    input.focus(); // the button goes
  });
}

export function field(label, input, hint) {
  input.id ||= uid("field");
  const note = hint ? h("p", { class: "hint", id: `${input.id}-hint` }, hint) : null;
  if (note) input.setAttribute("aria-describedby", note.id);
  return h("div", { class: "field" }, h("label", { for: input.id }, label), input, note);
}

export function select(choices, value, onchange) {
  const options = choices.map(([key, text, props = {}]) =>
    h("option", { value: key, selected: key === value, ...props }, text),
  );
  return h("select", { onchange: (event) => onchange(event.target.value) }, options);
}

export function checkbox(label, checked, onchange, hint) {
  const id = uid("check");
  return h(
    "div",
    { class: "check" },
    h("input", { type: "checkbox", id, checked, onchange: (event) => onchange(event.target.checked) }),
    h("label", { for: id }, label, hint ? h("span", { class: "hint" }, hint) : null),
  );
}

export function bar(fraction, label) {
  const percent = Math.round(100 * fraction);
  const props = {
    class: "bar",
    role: "progressbar",
    "aria-label": label,
    "aria-valuenow": percent,
    "aria-valuemin": 0,
    "aria-valuemax": 100,
  };
  return h("div", { ...props, vars: { done: `${percent}%` } });
}

export function setBar(element, fraction) {
  const percent = Math.round(100 * fraction);
  element.setAttribute("aria-valuenow", percent);
  element.style.setProperty("--done", `${percent}%`);
}
